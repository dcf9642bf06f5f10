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

/* The connection's state. */

let lostAt;
let settle;
function status(state, text) {
  $("status").dataset.state = state;
  if ($("status-text").textContent !== text) $("status-text").textContent = text;
}

function opened() {
  clearTimeout(settle);
  if (lostAt === undefined) status("open", "Live");
  else {
    const away = duration(Math.max(1000, performance.now() - lostAt));
    status("open", `Back after ${away}`);
    room.note(`Connection lost for ${away}, back at ${minute(Date.now())}`);
    settle = setTimeout(() => status("open", "Live"), 6000);
  }
  lostAt = undefined;
  document.title = title;
  delete document.body.dataset.lost;
  room.opened();
  void introduce();
}

function lost() {
  clearTimeout(settle);
  if (startedAt === undefined && lostAt === undefined) return status("connecting", "Connecting…");
  lostAt ??= performance.now();
  status("lost", "Connection lost – reconnecting…");
  document.title = `(offline) ${title}`;
  document.body.dataset.lost = "";
  room.lost();
}

let open = false;
function follow(now) {
  if (now === "closed") {
    lost();
    status("lost", "Disconnected");
  } else if (now === "open" && !open) opened();
  else if (now !== "open") lost();
  open = now === "open";
}
client.connection.on("status", follow);
follow(client.connection.status);

setInterval(() => {
  if (startedAt !== undefined && open) $("uptime").textContent = duration(performance.now() - startedAt);
  if (open || document.hidden) return;
  drift();
  draw();
}, 1000);
