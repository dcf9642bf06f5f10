/** Sends numbers, looks at those that come, makes calls, and writes down what it hears of the connection. */
import { connect } from "./prism/client.js";

const apart = Number(new URLSearchParams(location.search).get("apart"));
// No call is to give up by itself, however long the page is offline.
const client = connect(undefined, { timeout: 180_000, reconnect: { min: 100, max: 500 } });
const { connection } = client;

const entries = [];
const waiting = new Set();
const calls = [];
const faults = [];
let sent = 0;
let received = 0;

function show(id, text) {
  document.getElementById(id).textContent = String(text);
}

/** Writes down that something happened. */
function note(name, detail = "") {
  const at = performance.now();
  entries.push({ name, detail, at });
  const item = document.createElement("li");
  item.className = name;
  item.textContent = `${(at / 1_000).toFixed(2).padStart(8)} s  ${name}  ${detail}`;
  document.getElementById("log").append(item);
  for (const look of waiting) look();
}

function fault(text) {
  faults.push(text);
  show("faults", faults.join("; "));
}

connection.on("status", (status) => show("status", status));
show("status", connection.status);
for (const name of ["open", "resumed", "reset"]) connection.on(name, () => note(name));
for (const name of ["suspended", "closed"]) {
  connection.on(name, ({ code, reason }) => note(name, `${code} ${reason}`));
}
connection.on("failed", () => note("failed"));
for (const name of ["offline", "online"]) addEventListener(name, () => note(name));

client.trail.onReset(() => (received = 0));
client.trail.onNumber((number) => {
  if (number !== received + 1) fault(`${number} after ${received}`);
  received = number;
  show("received", received);
});

/** Makes a call, and writes down what came of it; never rejects. */
async function call(name, key) {
  show("made", calls.push({ name, key }));
  const made = calls.at(-1);
  try {
    made.value = await client.calls[name](key);
  } catch (error) {
    made.code = error.code;
    if (error.code !== "closed") note("lost", `${name} ${key}: ${error.code}`);
  }
  show("answered", calls.filter(({ value }) => value !== undefined).length);
  return made;
}

const pending = new Set();
function start(name, key) {
  const outcome = call(name, key);
  pending.add(outcome);
  void outcome.then(() => pending.delete(outcome));
  return outcome;
}

const numbers = setInterval(() => {
  client.trail.send(++sent);
  show("sent", sent);
}, apart);
const counting = setInterval(() => void start("count", `count ${calls.length + 1}`), 4 * apart);

globalThis.lab = {
  entries,
  /** The first entry of a name, from an index on: as soon as there is one. */
  said: (name, from) =>
    new Promise((resolve) => {
      const look = () => {
        const found = entries.slice(from).find((entry) => entry.name === name);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    }),
  start: (name, key) => void start(name, key),
  call: start,
  /** Ends the traffic, waits for what is under way, and says what came of it all. */
  finish: async () => {
    clearInterval(numbers);
    clearInterval(counting);
    await Promise.all(pending);
    const server = await client.calls.stop();
    return { sent, received, faults, calls, server };
  },
};
