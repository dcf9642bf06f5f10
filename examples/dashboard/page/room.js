/** Everyone who is watching, and the chat. What people wrote reaches the page as text, never as markup. */
import { isPrismError } from "/prism/client.js";
import { minute } from "/format.js";

const $ = (id) => document.getElementById(id);
/** Lines of the chat that the page keeps, and messages that it begins with. */
const kept = 200;
const old = 50;
/** People who are listed; beyond that only their number is told. */
const listed = 100;
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

/**
 * @param client The connection, with the channel that carries the chat.
 * @returns What to call when the connection opens and is lost, and when something is to be noted.
 */
export function people(client) {
  const chat = client.live.channel("chat");
  let name = memory.read() || `${pick(adjectives)} ${pick(animals)}`;
  let last;
  let unread = 0;
  let chatSeen = true;
  let online = false;
  const seen = new Set();
  const log = $("log");
  const field = $("name");
  field.value = name;
  memory.write(name);

  /* Who is watching. */

  function introduce() {
    // One that goes with the connection is said again over the next.
    client.people.rename(name).catch(refuse);
  }
  function rename() {
    const wanted = field.value.trim();
    if (wanted && wanted !== name) {
      name = wanted;
      memory.write(name);
      introduce();
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
  // Another tab has changed it.
  addEventListener("storage", ({ key, newValue }) => {
    if (key !== "prism.name" || !newValue) return;
    field.value = name = newValue;
    introduce();
  });

  function listPeople() {
    const { members, self } = chat.presence;
    const all = [...members].filter(([, person]) => person.name);
    all.sort(([a, one], [b, other]) => Number(b === self) - Number(a === self) || one.name.localeCompare(other.name));
    $("people-count").textContent = String(all.length);
    $("names").replaceChildren(
      ...all.slice(0, listed).map(([key, person]) => {
        const item = element("li", hue(person.name));
        const face = element("span", "face", [...person.name][0]?.toUpperCase());
        face.setAttribute("aria-hidden", "true");
        item.append(face, element("span", "who", person.name));
        if (key === self) item.append(element("span", "you", "you"));
        return item;
      }),
    );
    if (all.length > listed) $("names").append(element("li", "more", `and ${all.length - listed} more`));
  }

  /* What they say. */

  $("say-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = $("say").value.trim();
    if (!text || !online) return;
    $("say").value = "";
    $("refused").textContent = "";
    try {
      await chat.publish({ text });
    } catch (error) {
      refuse(error);
      // What was refused is not lost, unless the next message has been begun.
      $("say").value ||= text;
    }
  });

  function refuse(error) {
    if (isPrismError(error, "lost")) return;
    const fast = isPrismError(error, "rate_limited");
    $("refused").textContent = fast ? "That was a little fast. Wait a moment." : error.message;
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
    const mine = message.name === name;
    const more = last?.name === message.name && message.at - last.at < 120_000;
    last = message;
    const who = element("p", "meta");
    const time = element("time", "", minute(message.at));
    time.dateTime = new Date(message.at).toISOString();
    who.append(element("b", "", message.name), time);
    line(`${hue(message.name)}${more ? " more" : ""}`, who, element("p", "text", message.text));
    if (!mine && !chatSeen) unread += 1;
    badge();
  }

  async function listen() {
    const begun = chat.subscribe({ last: old });
    chat.on(say);
    for (const change of ["join", "update", "leave"]) chat.presence.on(change, listPeople);
    await begun;
    unread = 0;
    badge();
    log.scrollTop = log.scrollHeight;
    // From here on only what is new is read out, and not the old messages.
    setTimeout(() => log.setAttribute("aria-live", "polite"), 0);
  }

  chat.on("subscribed", async ({ recovered }) => {
    introduce();
    if (recovered) return;
    // Something is missing: what the server still has of it.
    for (const { message } of await chat.history({ limit: old })) say(message);
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

  void listen();

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
