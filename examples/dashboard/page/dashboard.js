/** The page: one connection, and what it says goes to the cards, the room and the status. */
import { connect } from "/prism/client.js";
import { add, draw, drift, timeline } from "/charts.js";
import { duration, minute } from "/format.js";
import { panels } from "/panels.js";
import { people } from "/room.js";
import { roundTrips } from "/round-trips.js";

const $ = (id) => document.getElementById(id);
// Whoever restarts a server is watching for it to come back, so attempts are never far apart.
const client = connect(undefined, { reconnect: { max: 2000 } });
const room = people(client);
roundTrips((n) => client.tools.ping(n));

/* The machine. */

/** How many seconds a page begins with. */
const past = 120;
const machine = client.live.channel("machine");

let drawn = false;
function hear(samples) {
  if (samples.length === 0) return;
  add(samples);
  if (!drawn) panels(timeline.samples.at(-1));
  drawn = true;
  draw();
}

void machine.subscribe({ last: past });
machine.on((sample) => hear([sample]));
machine.on("subscribed", async ({ recovered }) => {
  if (recovered) return;
  // Something is missing: what the server still has of it.
  const kept = await machine.history({ limit: past });
  hear(kept.map(({ message }) => message));
});

/* The header. */

let startedAt;
async function introduce() {
  try {
    const info = await client.tools.info();
    // By the server's clock, which need not be right.
    startedAt = performance.now() - (info.now - info.startedAt);
    $("host").textContent = info.host;
    $("runtime").textContent = info.runtime;
    $("platform").textContent = info.platform;
    title = `${info.host} · Prism`;
    document.title = title;
  } catch {
    // The connection went while they were under way; the next one asks again.
  }
}
let title = document.title;

/* The connection's state: live, on its way back with nothing lost, or a new one, and whether the channels caught up. */

/** For how long the server keeps what a lost connection goes on with, in ms: its limit `resumeWithin`. */
const kept = 120_000;
/** For how long it is said that the connection is back, in ms. */
const said = 6000;

let open = false;
let lostAt;
let settle;
function status(state, text) {
  $("status").dataset.state = state;
  if ($("status-text").textContent !== text) $("status-text").textContent = text;
}

function opened() {
  clearTimeout(settle);
  open = true;
  status("open", "Live");
  document.title = title;
  delete document.body.dataset.lost;
  room.opened();
  void introduce();
}

/** What there is to say of a connection that is back. */
const outcomes = {
  resumed: { state: "open", brief: "nothing lost", whole: "nothing was lost" },
  recovered: { state: "open", brief: "caught up", whole: "over a new connection, and nothing was missed" },
  missed: { state: "anew", brief: "not all recovered", whole: "over a new connection, and something may be missing" },
};
function back(outcome) {
  const { state, brief, whole } = outcomes[outcome];
  const away = duration(Math.max(1000, performance.now() - lostAt));
  lostAt = undefined;
  opened();
  status(state, `Back after ${away}, ${brief}`);
  room.note(`Away for ${away}, back at ${minute(Date.now())}: ${whole}`);
  settle = setTimeout(() => status("open", "Live"), said);
}

function searching() {
  if (performance.now() - lostAt < kept) status("suspended", "Reconnecting, nothing lost yet");
  else status("lost", "Connection lost – reconnecting…");
}

function lost() {
  clearTimeout(settle);
  open = false;
  lostAt ??= performance.now();
  searching();
  document.title = `(offline) ${title}`;
  document.body.dataset.lost = "";
  room.lost();
}

status("connecting", "Connecting…");
client.connection.on("suspended", lost);
client.connection.on("closed", () => {
  lost();
  status("lost", "Disconnected");
});
client.connection.on("resumed", () => {
  if (behind.size === 0) back("resumed");
});

// Over a new connection each channel says whether it has all that was said meanwhile.
const channels = [machine, client.live.channel("chat")];
const behind = new Set();
let complete = true;
client.connection.on("open", () => {
  if (lostAt === undefined) return opened();
  for (const channel of channels) behind.add(channel);
  complete = true;
  status("connecting", "Catching up…");
});
function caughtUp(channel, recovered) {
  complete &&= recovered;
  if (behind.delete(channel) && behind.size === 0) back(complete ? "recovered" : "missed");
}
for (const channel of channels) {
  channel.on("subscribed", ({ recovered }) => caughtUp(channel, recovered));
  channel.on("ended", () => caughtUp(channel, false));
}

setInterval(() => {
  if (open && startedAt !== undefined) $("uptime").textContent = duration(performance.now() - startedAt);
  if (client.connection.status === "suspended") searching();
  if (open || document.hidden) return;
  drift();
  draw();
}, 1000);
