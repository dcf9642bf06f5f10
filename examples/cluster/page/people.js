/** Who is here, on which node, and what they say. What people wrote reaches the page as text, never as markup. */
import { isPrismError } from "/prism/client.js";

const $ = (id) => document.getElementById(id);
/** Lines that the page keeps, and messages that it begins with. */
const kept = 100;
const old = 20;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * @param client The connection.
 * @param look Asks the node anew who this is, and has it tell the others.
 */
export function people(client, look) {
  const chat = client.live.channel("chat");
  const field = $("name");
  const log = $("log");
  let name = "";
  let renew;

  function list() {
    const { members, self } = chat.presence;
    const all = [...members].toSorted(
      ([a, one], [b, other]) => Number(b === self) - Number(a === self) || one.name.localeCompare(other.name),
    );
    $("people").replaceChildren(
      ...all.slice(0, 60).map(([key, person]) => {
        const item = element("li");
        item.dataset.node = person.node;
        item.append(element("span", "dot"), element("span", "who", person.name));
        item.append(element("span", "at", key === self ? `you, on ${person.node}` : `on ${person.node}`));
        return item;
      }),
    );
    // Another tab of this browser has taken another name. What is told of this one is renewed once its node knows, too.
    const own = members.get(self);
    if (own === undefined || name === "" || own.name === name) return;
    you(own.name);
    clearTimeout(renew);
    renew = setTimeout(() => look(), 1000);
  }

  /** What the nodes say of who this is. */
  function you(told) {
    name = told;
    if (document.activeElement !== field) field.value = told;
  }

  async function rename() {
    const wanted = field.value.trim();
    if (wanted === "" || wanted === name) {
      field.value = name;
      return;
    }
    name = wanted;
    await client.desk.rename(wanted).catch(refuse);
  }
  field.addEventListener("change", () => void rename());
  $("name-form").addEventListener("submit", (event) => {
    event.preventDefault();
    field.blur();
  });

  $("say-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = $("say").value.trim();
    if (text === "") return;
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
    const lost = isPrismError(error, "lost") && "The node went, and nobody knows how far this came.";
    const fast = isPrismError(error, "rate_limited") && "That was a little fast. Wait a moment.";
    $("refused").textContent = lost || fast || error.message;
  }

  function say(message) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const item = element("li");
    item.dataset.node = message.node;
    const meta = element("p", "meta");
    meta.append(element("b", "", message.name), element("span", "at", `by way of ${message.node}`));
    item.append(meta, element("p", "text", message.text));
    log.append(item);
    while (log.childElementCount > kept) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  void chat.subscribe({ last: old });
  chat.on(say);
  for (const change of ["join", "update", "leave"]) chat.presence.on(change, list);

  return { you };
}
