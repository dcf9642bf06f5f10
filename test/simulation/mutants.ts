import type { Mutant } from "./bundle.ts";

/** What the simulation must find, each put into the shipped code by itself. */
export const mutants: readonly Mutant[] = [
  {
    name: "an acknowledgement is skipped",
    file: "src/connection/receipts.ts",
    from: "    if (this.#frames > 0) this.#say();",
    to: "    this.#frames = 0;",
  },
  {
    name: "an acknowledgement counts one too many",
    file: "src/connection/receipts.ts",
    from: "return `%${writeNumber(this.received)}`;",
    to: "return `%${writeNumber(this.received + 1)}`;",
  },
  {
    name: "what is repeated is taken again",
    file: "src/connection/receipts.ts",
    from: "      this.#repeated--;\n      return false;",
    to: "      this.#repeated--;\n      return true;",
  },
  {
    name: "a replay is given to the socket twice",
    file: "src/connection/outbox.ts",
    from: "    this.#replays = false;\n    const { size } = this;",
    to: "    if (this.frames.length > 0) this.#replays = false;\n    const { size } = this;",
  },
  {
    name: "a replay leaves out its first frame",
    file: "src/connection/replay.ts",
    from: ".slice(this.#gone);",
    to: ".slice(this.#gone + 1);",
  },
  {
    name: "what goes along with a replay is counted twice",
    file: "src/connection/outbox.ts",
    from: "this.sent = (this.sent + fresh.length) & MAX_NUMBER;",
    to: "this.sent = (this.sent + fresh.length * (again.length === 0 ? 1 : 2)) & MAX_NUMBER;",
  },
  {
    name: "what is held back is overtaken",
    file: "src/connection/outbox.ts",
    from: "this.frames.splice(0, count);",
    to: "this.frames.splice(this.frames.length - count);",
  },
  {
    name: "one frame more is kept than may be",
    file: "src/connection/outbox.ts",
    from: "(count > limits.replayFrames ||",
    to: "(count > limits.replayFrames + 1 ||",
  },
  {
    name: "room is not told of",
    file: "src/connection/outbox.ts",
    from: "if (this.#waiters !== undefined && this.roomy) this.wake();",
    to: "",
  },
  {
    name: "what waits is not handed over",
    file: "src/connection/server-outbox.ts",
    from: "      waiting: this.frames,\n",
    to: "      waiting: NONE,\n",
  },
  {
    name: "a number is used again before its call has ended",
    file: "src/connection/calls.ts",
    from: "    while (this.asked[this.#first] !== undefined) this.#first++;",
    to: "    this.#first = 0;\n    while (this.asked[this.#first]?.over === false) this.#first++;",
  },
  {
    name: "numbers that are taken are not handed over",
    file: "src/connection/parked-calls.ts",
    from: "  for (const id of taken) asked[id] = new Abandoned();\n",
    to: "",
  },
  {
    name: "a number is never free again",
    file: "src/connection/calls.ts",
    from: "    this.asked[id] = undefined;\n    if (id < this.#first) this.#first = id;",
    to: "    this.asked[id] = undefined;",
  },
  {
    name: "calls do not end with their connection",
    file: "src/connection/calls.ts",
    from: "for (const asking of this.asked.splice(0)) asking?.onfailure(error);",
    to: "this.asked.length = 0;",
  },
  {
    name: "credit is not granted while there is no socket",
    file: "src/connection/exchange.ts",
    from: "    this.send(this.grantMark, writeNumber(this.#taken));",
    to: "    if ((this.carrier as { attached?: boolean }).attached) this.send(this.grantMark, writeNumber(this.#taken));",
  },
  {
    name: "a silent peer is not given up",
    file: "src/connection/heartbeat.ts",
    from: "pulse.missed();\n      else if",
    to: "pulse.ping();\n      else if",
  },
  {
    name: "a token is not spent",
    file: "src/server/resumptions.ts",
    from: "    if (peer.token !== undefined) this.#peers.delete(peer.token);",
    to: "",
  },
  {
    name: "an older socket is read still",
    file: "src/server/peer.ts",
    from: 'older?.close(TAKEN_OVER, "Taken over");',
    to: "if (older !== undefined) older.connection = this.wire;",
  },
  {
    name: "a connection that goes on is given up",
    file: "src/server/peer.ts",
    from: "    this.#patience.cancel();\n    this.#patience = undefined;",
    to: "    this.#patience = undefined;",
  },
  {
    name: "volatile messages are kept while there is no socket",
    file: "src/server/outlet.ts",
    from: "conflate !== undefined) && this.#peer.slow) {",
    to: "conflate !== undefined) && this.#peer.wire.attached && this.#peer.slow) {",
  },
  {
    name: "the server's services are not told of a reset",
    file: "src/server/entry.ts",
    from: 'if (reset) this.#events.emit("reset", peer);',
    to: "",
  },
  {
    name: "the client's services are not told of a reset",
    file: "src/client/core.ts",
    from: 'if (reset) this.services.tell("reset");',
    to: "",
  },
  {
    name: "any call that was lost is made again",
    file: "src/client/host.ts",
    from: "if (idempotent !== undefined && idempotent !== false) {",
    to: "if (call.timeout > 0) {",
  },
];
