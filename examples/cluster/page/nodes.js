/** The nodes, as their own messages tell of them. */

/** A node of which nothing was heard for so long while others went on is gone, in ms of the nodes' own clocks. */
const silence = 1600;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** @param client The connection, over which a node is told to end: whichever it is. */
export function nodeCards(client) {
  const list = document.getElementById("nodes");
  const cards = new Map();
  let here;
  let latest = 0;

  function make(name) {
    const card = element("article", "card node");
    card.dataset.node = name;
    const header = element("header");
    const title = element("h2", "", name);
    header.append(title, element("span", "you", "you are here"));
    const facts = element("dl", "facts");
    const values = {};
    for (const [key, label] of [
      ["runtime", "Runtime"],
      ["connections", "Connections"],
      ["pid", "Process"],
      ["up", "There for"],
    ]) {
      const row = element("div");
      values[key] = element("dd", key, "–");
      row.append(element("dt", "", label), values[key]);
      facts.append(row);
    }
    const buttons = element("p", "buttons");
    for (const [how, label, title] of [
      ["kill", "Kill", "SIGKILL: it ends at once. Its connections are reset, and catch up from the history."],
      ["drain", "Drain", "SIGTERM: it hands its connections over first. Nothing is lost."],
    ]) {
      const button = element("button", how, label);
      button.type = "button";
      button.title = title;
      button.setAttribute("aria-label", `${label} ${name}`);
      // One that goes with its own node gets no answer: what comes of it is seen.
      button.addEventListener("click", () => void client.desk.end({ node: name, how }).catch(() => {}));
      buttons.append(button);
    }
    card.append(header, facts, buttons);
    const made = { card, values, buttons: buttons.children, tick: undefined };
    cards.set(name, made);
    list.replaceChildren(...[...cards].toSorted(([a], [b]) => a.localeCompare(b)).map(([, one]) => one.card));
    return made;
  }

  function draw() {
    for (const [name, { card, values, buttons, tick }] of cards) {
      const gone = latest - tick.at > silence;
      card.dataset.state = gone ? "gone" : "there";
      card.toggleAttribute("data-here", name === here);
      for (const button of buttons) button.disabled = gone;
      values.runtime.textContent = tick.runtime;
      values.connections.textContent = gone ? "–" : tick.connections;
      values.pid.textContent = gone ? "–" : tick.pid;
      values.up.textContent = gone ? `gone for ${duration(latest - tick.at)}` : duration(tick.up);
    }
  }

  return {
    hear(tick) {
      const own = cards.get(tick.name) ?? make(tick.name);
      own.tick = tick;
      latest = Math.max(latest, tick.at);
      draw();
    },
    here(name) {
      here = name;
      draw();
    },
  };
}
