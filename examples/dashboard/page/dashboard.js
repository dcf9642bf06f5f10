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
const room = people(client.room);
roundTrips((n) => client.tools.ping(n));

/* The machine. */

let drawn = false;
function hear(samples) {
  if (samples.length === 0) return;
  add(samples);
  if (!drawn) panels(timeline.samples.at(-1));
  drawn = true;
  draw();
}
client.machine.onSample((sample) => hear([sample]));

/* The header. */

let startedAt;
async function introduce() {
  try {
    const [info, history] = await Promise.all([client.tools.info(), client.machine.history()]);
    // By the server's clock, which need not be right.
    startedAt = performance.now() - (info.now - info.startedAt);
    $("host").textContent = info.host;
    $("runtime").textContent = info.runtime;
    $("platform").textContent = info.platform;
    title = `${info.host} · Prism`;
    document.title = title;
    hear(history);
  } catch {
    // The connection went while they were under way; the next one asks again.
  }
}
let title = document.title;

/* The connection's state: live, on its way back with nothing lost, or a new one after a gap. */

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

/** @param resumed Whether the connection has gone on where it was. */
function opened(resumed) {
  clearTimeout(settle);
  open = true;
  if (lostAt === undefined) status("open", "Live");
  else {
    const away = duration(Math.max(1000, performance.now() - lostAt));
    const back = `back at ${minute(Date.now())}`;
    status(resumed ? "open" : "anew", resumed ? `Back after ${away}, nothing lost` : `New connection after ${away}`);
    if (resumed) room.note(`Away for ${away}, ${back}: nothing was lost`);
    else room.note(`Connection lost for ${away}, ${back}: something may be missing`);
    settle = setTimeout(() => status("open", "Live"), said);
  }
  lostAt = undefined;
  document.title = title;
  delete document.body.dataset.lost;
  room.opened();
  // Samples may be dropped where they cannot be sent at once, so the history fills the gap.
  void introduce();
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
client.connection.on("open", () => opened(false));
client.connection.on("resumed", () => opened(true));
client.connection.on("suspended", lost);
client.connection.on("closed", () => {
  lost();
  status("lost", "Disconnected");
});

setInterval(() => {
  if (open && startedAt !== undefined) $("uptime").textContent = duration(performance.now() - startedAt);
  if (client.connection.status === "suspended") searching();
  if (open || document.hidden) return;
  drift();
  draw();
}, 1000);
