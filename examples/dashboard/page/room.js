/** Everyone who is watching, and the chat. What people wrote reaches the page as text, never as markup. */
import { minute } from "/format.js";

const $ = (id) => document.getElementById(id);
const kept = 200;
const adjectives = [
  "Quiet",
  "Brave",
  "Sunny",
  "Swift",
  "Gentle",
  "Clever",
  "Lucky",
  "Merry",
  "Nimble",
  "Calm",
  "Bright",
  "Curious",
];
const animals = [
  "Otter",
  "Heron",
  "Lynx",
  "Finch",
  "Badger",
  "Dolphin",
  "Marten",
  "Plover",
  "Gecko",
  "Hare",
  "Osprey",
  "Seal",
];
const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** Private windows may refuse storage; a name for this visit is then good enough. */
const memory = {
  read() {
    try {
      return localStorage.getItem("prism.name");
    } catch {
      return null;
    }
  },
  write(name) {
    try {
      localStorage.setItem("prism.name", name);
    } catch {
      // Nothing is lost but the name's next visit.
    }
  },
};

/** One of six hues, always the same for the same name, whatever connections come and go (FNV-1a's upper bits). */
function hue(name) {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193);
  return `hue-${(hash >>> 16) % 6}`;
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** @param room The client's half of the `room` service. @returns What to call when the connection opens and is lost. */
export function people(room) {
  let name = memory.read() || `${pick(adjectives)} ${pick(animals)}`;
  let me = "";
  let last;
  let unread = 0;
  let said = "";
  let chatSeen = true;
  let online = false;
  const seen = new Set();
  const log = $("log");
  const field = $("name");
  field.value = name;
  memory.write(name);

  function rename() {
    const wanted = field.value.trim();
    if (wanted && wanted !== name) {
      name = wanted;
      memory.write(name);
      room.name(name);
    }
    field.value = name;
  }
  field.addEventListener("change", rename);
  field.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    field.value = name;
    field.blur();
  });
  $("name-form").addEventListener("submit", (event) => {
    event.preventDefault();
    rename();
    field.blur();
  });

  $("say-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("say").value.trim();
    if (!text || !online) return;
    room.say(text);
    said = text;
    $("say").value = "";
    $("refused").textContent = "";
  });

  function listPeople({ count, people: listed }) {
    $("people-count").textContent = String(count);
    const first = listed.toSorted((a, b) => Number(b.id === me) - Number(a.id === me) || a.name.localeCompare(b.name));
    $("names").replaceChildren(
      ...first.map((person) => {
        const item = element("li", hue(person.name));
        const face = element("span", "face", [...person.name][0]?.toUpperCase());
        face.setAttribute("aria-hidden", "true");
        item.append(face, element("span", "who", person.name));
        if (person.id === me) item.append(element("span", "you", "you"));
        return item;
      }),
    );
    if (count > listed.length) $("names").append(element("li", "more", `and ${count - listed.length} more`));
  }

  function line(className, ...children) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const item = element("li", className);
    item.append(...children);
    $("messages").append(item);
    while ($("messages").childElementCount > kept) $("messages").firstElementChild.remove();
    $("empty").hidden = true;
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function say(message) {
    if (seen.has(message.id)) return;
    seen.add(message.id);
    const mine = message.from === me;
    const more = last?.from === message.from && last.name === message.name && message.at - last.at < 120_000;
    last = message;
    const who = element("p", "meta");
    const time = element("time", "", minute(message.at));
    time.dateTime = new Date(message.at).toISOString();
    who.append(element("b", "", message.name), time);
    line(`${hue(message.name)}${more ? " more" : ""}${mine ? " mine" : ""}`, who, element("p", "text", message.text));
    if (!mine && !chatSeen) unread += 1;
    badge();
  }

  room.onEvent((event) => {
    if (event.type === "welcome") {
      me = event.you;
      for (const message of event.messages) say(message);
      unread = 0;
      badge();
      log.scrollTop = log.scrollHeight;
      // From here on only what is new is read out, and not the fifty old messages.
      setTimeout(() => log.setAttribute("aria-live", "polite"), 0);
    } else if (event.type === "people") listPeople(event);
    else if (event.type === "said") say(event.message);
    else if (event.type === "refused") {
      $("refused").textContent = event.reason;
      // What was refused is not lost, unless the next message has been begun.
      $("say").value ||= said;
    }
  });

  // On a phone the chat is below the charts: a button leads there and counts what has not been seen.
  function badge() {
    $("to-chat").hidden = chatSeen;
    $("to-chat").textContent = unread ? `Chat · ${unread} new` : "Chat";
  }
  new IntersectionObserver(
    ([entry]) => {
      chatSeen = entry.isIntersecting;
      if (chatSeen) unread = 0;
      badge();
    },
    { rootMargin: "-40px" },
  ).observe(log);

  room.name(name);

  return {
    opened() {
      online = true;
      $("send").removeAttribute("aria-disabled");
      $("say").placeholder = "Say something";
    },
    lost() {
      online = false;
      $("send").setAttribute("aria-disabled", "true");
      $("say").placeholder = "Reconnecting…";
    },
    /** Leaves a line in the chat, which those who were looking away will see. */
    note(text) {
      line("note", text);
      last = undefined;
    },
  };
}
