import assert from "node:assert/strict";
import {
  assertFails,
  collect,
  failureOf,
  newKey,
  next,
  tap,
  turn,
  type ContractClient,
  type Scenario,
} from "../stage.ts";

/** The ids of the calls among what a client sent. */
function callIds(sent: readonly (string | Uint8Array)[]): number[] {
  return sent.flatMap((packet) => {
    assert.equal(typeof packet, "string", "calls without bytes travel as text");
    return (packet as string)
      .split("\x1e")
      .filter((frame) => frame.startsWith("?"))
      .map((frame) => {
        const [, high = "", low = ""] = /^\?[`-\x7f]*[@-_]([`-\x7f]*)([@-_])/.exec(frame) ?? [];
        return (
          Array.from(high).reduce((id, digit) => id * 32 + digit.charCodeAt(0) - 0x60, 0) * 32 +
          low.charCodeAt(0) -
          0x40
        );
      });
  });
}

/** All that a client says of its connection from now on. */
export function history({ connection }: ContractClient): string[] {
  const events: string[] = [];
  connection.on("status", (status) => void events.push(status));
  connection.on("reset", () => void events.push("reset"));
  return events;
}

/** Loses a connection and gets it back, whatever the way, and looks at what becomes of everything. */
async function reconnect(client: ContractClient, lose: () => void): Promise<{ code: number; reason: string }> {
  const before = await client.about.me();
  const events = history(client);
  let resets = 0;
  client.json.onReset(() => resets++);
  const key = newKey();
  const hanging = failureOf(client.calls.hang(key));
  const stream = failureOf(
    (async () => {
      for await (const item of client.calls.produce(newKey())) assert.ok(item);
    })(),
  );
  await client.calls.trace.begun(key);

  const suspended = next(client, "suspended");
  const reopened = next(client, "reset");
  lose();
  const why = await suspended;
  assert.equal(client.connection.status, "suspended");
  const queued = [1, 2, 3].map((i) => client.calls.echo(i));
  const heard = collect<unknown>(1);
  const off = client.json.onMessage(heard.take);
  client.json.send("sent while offline");
  assert.equal((await hanging).code, "lost");
  assert.equal((await stream).code, "lost");
  await reopened;
  assert.deepEqual(await Promise.all(queued), [1, 2, 3]);
  assert.deepEqual(await heard.all, ["sent while offline"]);
  off();
  assert.deepEqual(events, ["suspended", "open", "reset"]);
  assert.equal(resets, 1);
  assert.notEqual(await client.about.me(), before);
  return why;
}

export const lifecycle: Readonly<Record<string, Scenario>> = {
  "calls and messages before the connection is open are queued, in order": async ({ open }) => {
    const client = open();
    assert.equal(client.connection.status, "connecting");
    const heard = collect<string>(3);
    client.text.onMessage(heard.take);
    client.text.send("first");
    const calls = [client.calls.echo(1), client.calls.math.add({ a: 1, b: 1 }), client.calls.echo(3)];
    client.text.send("second");
    const counted = (async () => {
      const items: number[] = [];
      for await (const item of client.calls.count(20)) items.push(item);
      return items.length;
    })();
    client.text.send("third");
    assert.deepEqual(await Promise.all(calls), [1, 2, 3]);
    assert.equal(await counted, 20);
    assert.deepEqual(await heard.all, ["first", "second", "third"]);
    assert.equal(client.connection.status, "open");
  },
  "a lazy client opens when it is told": async ({ open }) => {
    const client = open({ lazy: true });
    assert.equal(client.connection.status, "closed");
    await assertFails(client.calls.echo(1), "closed");
    client.connection.open();
    assert.equal(await client.calls.echo(2), 2);
  },
  "the queue is bounded": async ({ open }) => {
    const { connection, calls, text } = open({ queue: 8, dial: () => new Promise(() => {}) });
    const queued = Array.from({ length: 7 }, (_, i) => failureOf(calls.echo(i)));
    text.send("the eighth");
    await assertFails(calls.echo("the ninth"), "busy");
    assert.throws(() => text.send("the tenth"), { code: "busy" });
    const closed = next({ connection } as ContractClient, "closed");
    connection.close();
    await closed;
    for (const failed of queued) assert.equal((await failed).code, "closed");
  },
  "a queued call times out, and makes room": async ({ open }) => {
    const { calls } = open({ queue: 2, dial: () => new Promise(() => {}) });
    await Promise.all([
      assertFails(calls.echo(1, { timeout: 20 }), "timeout"),
      assertFails(calls.echo(2, { timeout: 30 }), "timeout"),
      assertFails(calls.echo(3), "busy"),
    ]);
    const controller = new AbortController();
    const failed = failureOf(calls.echo(4, { signal: controller.signal }));
    controller.abort();
    assert.equal((await failed).code, "cancelled");
    const last = [failureOf(calls.echo(5, { timeout: 1 })), failureOf(calls.echo(6, { timeout: 1 }))];
    for (const { code } of await Promise.all(last)) assert.equal(code, "timeout");
  },
  "close fails what is in flight, and open begins anew": async ({ open }) => {
    const client = open();
    const events = history(client);
    const first = await client.about.me();
    const hanging = failureOf(client.calls.hang(newKey()));
    const closed = next(client, "closed");
    client.connection.close();
    assert.equal(client.connection.status, "closed");
    assert.equal((await closed).code, 1000);
    assert.equal((await hanging).code, "closed");
    await assertFails(client.calls.echo(1), "closed");
    assert.throws(() => client.text.send("x"), { code: "closed" });
    client.connection.close();
    const opened = next(client, "open");
    client.connection.open();
    await opened;
    assert.notEqual(await client.about.me(), first);
    assert.deepEqual(events, ["open", "closed", "connecting", "open", "reset"]);
  },
  "what was sent before close arrives": async ({ client, open }) => {
    const other = open();
    await Promise.all([other.connection.opened, client.connection.opened]);
    const told = collect<string>(100);
    const off = client.notes.onAdded(told.take);
    for (let i = 0; i < 100; i++) other.notes.tell(`last words ${i}`);
    other.connection.close();
    assert.equal((await told.all).at(-1), "last words 99");
    off();
  },
  "opened settles, also when there is no way": async ({ open }) => {
    const client = open();
    await client.connection.opened;
    await client.connection.opened;
    const never = open({ dial: () => Promise.reject(new Error("no route")), reconnect: { min: 1, max: 1 } });
    const failed = failureOf(never.connection.opened);
    await turn();
    never.connection.close();
    assert.equal((await failed).code, "closed");
  },

  "1,000 concurrent calls, twice, with their ids used again": async ({ open }) => {
    const { dial, sent } = tap();
    const client = open({ dial });
    await client.connection.opened;
    sent.length = 0;
    const inputs = Array.from({ length: 1_000 }, (_, i) => i);
    for (const round of ["first", "second"]) {
      const results = await Promise.all(inputs.map((i) => client.calls.echo({ round, i })));
      assert.deepEqual(
        results,
        inputs.map((i) => ({ round, i })),
      );
    }
    const ids = callIds(sent);
    assert.equal(ids.length, 2_000);
    assert.equal(new Set(ids).size, 1_000);
    assert.deepEqual(ids.slice(0, 1_000), inputs);
    assert.equal(Math.max(...ids), 999);
  },
  "one call more than the server allows is busy": async ({ client, open }) => {
    const { calls, connection } = open();
    const key = newKey();
    const failures = Array.from({ length: 1_100 }, () => failureOf(calls.hang(key)));
    const busy = (await Promise.all(failures.slice(1_024))).map(({ code }) => code);
    assert.deepEqual(
      busy,
      Array.from({ length: 76 }, () => "busy"),
    );
    await client.calls.trace.begun(key);
    connection.close();
    for (const failure of failures.slice(0, 1_024)) assert.equal((await failure).code, "closed");
    assert.ok((await client.calls.trace.ended(key)).aborted);
  },
  "mixed binary and text messages keep their order both ways": async ({ open }) => {
    const client = open();
    await client.connection.opened;
    const count = 4_000;
    const received: string[] = [];
    const decoder = new TextDecoder();
    client.text.onMessage((value) => void received.push(value));
    client.bytes.onMessage((value) => void received.push(decoder.decode(value)));
    const encoder = new TextEncoder();
    const expected = Array.from({ length: count }, (_, i) => `${i}`);
    for (const [i, value] of expected.entries()) {
      // Alternating at first, then in runs of one kind, which travel in packets of their own.
      const binary = i < count / 2 ? i % 2 === 0 : i % 400 < 90;
      if (binary) client.bytes.send(encoder.encode(value));
      else client.text.send(value);
      if (i % 97 === 0) await turn();
    }
    // Its result stands behind all that the server sent before.
    assert.deepEqual(await client.about.heard(), expected);
    assert.deepEqual(received, expected);
  },

  "a socket that the server closes is replaced": async ({ open }) => {
    const { dial, sockets, sent } = tap();
    const client = open({ dial });
    await client.connection.opened;
    // No frame begins so: the server closes the socket.
    const why = await reconnect(client, () => sockets.at(-1)!.send("* is no frame"));
    // Deno may reset a connection under a peer that goes on sending, and the code is lost.
    assert.ok([1002, 1006].includes(why.code), `${why.code}`);
    assert.equal(sockets.length, 2);
    assert.ok(sent.length > 0);
  },
  "a server that is killed and started again is found again": async ({ open, restart }) => {
    const client = open();
    await reconnect(client, restart);
  },
};
