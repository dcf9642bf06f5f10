/** The page: one connection, on one node after the other. */
import { connect } from "/prism/client.js";
import { nodeCards } from "/nodes.js";
import { people } from "/people.js";
import { tape } from "/tape.js";

const $ = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
// Whoever kills a node is watching, so attempts are never far apart.
const client = connect(undefined, { reconnect: { max: 1000 } });
const ticks = client.live.channel("ticks");
const cards = nodeCards(client);
const messages = tape();
const room = people(client, look);

/* What the nodes say. */

/** How many messages a page begins with. */
const past = 60;
void ticks.subscribe({ last: past });
ticks.on((tick, info) => {
  cards.hear(tick);
  messages.hear(tick, info);
});
ticks.on("subscribed", ({ first, recovered }) => {
  if (!first) messages.again(recovered);
});

/* The connection: on its way, open, gone on elsewhere, or another one. */

/** For how long an outcome is said, in ms. */
const said = 6000;
let settle;
function status(state, text) {
  clearTimeout(settle);
  $("status").dataset.state = state;
  $("status-text").textContent = text;
}
const outcomes = {
  opened: { state: "open", text: "Open", journal: "opened" },
  resumed: { state: "open", text: "Resumed, nothing lost", journal: "resumed, nothing lost" },
  reset: { state: "anew", text: "Reset: a new connection", journal: "reset, a new connection" },
};

let node;
/** Asks where this page is now, and tells how it came there. */
async function look(outcome) {
  const before = node?.name;
  let found;
  try {
    found = await client.desk.where();
  } catch {
    // It went while the question was under way; the next connection asks again.
    return;
  }
  node = found;
  room.you(found.you);
  cards.here(found.name);
  $("here").dataset.node = found.name;
  $("node").textContent = found.name;
  $("runtime").textContent = found.runtime;
  document.title = `${found.name} · Prism cluster`;
  if (outcome) note(before, found.name, outcomes[outcome].journal);
}

function note(from, to, text) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = clock.format(Date.now());
  const way = (from === undefined || from === to ? [to] : [from, to]).map((name) => {
    const made = document.createElement("b");
    made.textContent = name;
    made.dataset.node = name;
    return made;
  });
  item.append(time, " ", way[0], ...(way[1] ? [" → ", way[1]] : []), `: ${text}`);
  $("journal").prepend(item);
  while ($("journal").childElementCount > 20) $("journal").lastElementChild.remove();
}

function arrive(outcome) {
  delete document.body.dataset.lost;
  const { state, text } = outcomes[outcome];
  status(state, text);
  if (outcome !== "opened") settle = setTimeout(() => status("open", "Open"), said);
  void look(outcome);
}

let reset = false;
client.connection.on("reset", () => (reset = true));
client.connection.on("open", () => {
  arrive(reset ? "reset" : "opened");
  reset = false;
});
// The node tells that the connection goes on there. The client says `resumed` only if it was without a socket meanwhile:
// one that is moved in time has its next socket before the old one goes.
client.live.on("moved", () => arrive("resumed"));
client.connection.on("suspended", () => {
  status("suspended", "Suspended, looking for a node");
  document.body.dataset.lost = "";
});
client.connection.on("closed", () => status("lost", "Closed"));
