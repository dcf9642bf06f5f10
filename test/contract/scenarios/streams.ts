import assert from "node:assert/strict";
import { assertFails, failureOf, newKey, settle, type Scenario } from "../stage.ts";

/** How far a producer may run ahead of whoever takes its items. */
const CREDIT = 16;

/** An endless source that tells how often it was asked, and when it was ended. */
class Source {
  asked = 0;
  readonly ended: Promise<void>;
  #end = (): void => {};

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number, void> {
    try {
      for (;;) yield this.asked++;
    } finally {
      this.#end();
    }
  }
}

export const streams: Readonly<Record<string, Scenario>> = {
  "a generator's items arrive in order, and then what it returned": async ({ client: { calls } }) => {
    const items: number[] = [];
    const call = calls.count(1_000);
    for await (const item of call) items.push(item);
    assert.deepEqual(
      items,
      Array.from({ length: 1_000 }, (_, i) => i),
    );
    assert.equal(await call, "done");
  },
  "awaited without being iterated, items are dropped": async ({ client: { calls } }) => {
    assert.equal(await calls.count(500), "done");
  },
  "items of bytes": async ({ client: { calls } }) => {
    let length = 0;
    for await (const item of calls.bytes.pieces(40)) assert.deepEqual(item, new Uint8Array(length).fill(length++));
    assert.equal(length, 40);
  },
  "a failure follows the items before it": async ({ client: { calls } }) => {
    const items: number[] = [];
    const failed = failureOf(
      (async () => {
        for await (const item of calls.fail.midway()) items.push(item);
      })(),
    );
    assert.equal((await failed).code, "teapot");
    assert.deepEqual(items, [1, 2]);
  },
  "a producer at the server stays within 16 items of its consumer": async ({ client }) => {
    const { calls } = client;
    const key = newKey();
    const items = calls.produce(key)[Symbol.asyncIterator]();
    for (const stop of [1, 7, 8, 40, 100]) {
      let last: number | undefined;
      while (last !== stop) last = ((await items.next()) as { value: number }).value;
      await settle(client);
      const { produced } = await calls.trace.now(key);
      assert.ok(produced >= stop && produced <= stop + CREDIT, `${produced} items made when ${stop} were taken`);
    }
    await items.return?.();
    await calls.trace.ended(key);
  },
  "leaving an iteration aborts the signal and ends the generator": async ({ client: { calls } }) => {
    const key = newKey();
    for await (const item of calls.produce(key)) if (item === 20) break;
    const trace = await calls.trace.ended(key);
    assert.ok(trace.aborted);
    assert.ok(trace.produced <= 20 + CREDIT);
  },
  "an abort ends a generator that waits for credit": async ({ client }) => {
    const { calls } = client;
    const key = newKey();
    const controller = new AbortController();
    const items = calls.produce(key, { signal: controller.signal })[Symbol.asyncIterator]();
    await items.next();
    await settle(client);
    controller.abort();
    await assertFails(drain(items), "cancelled");
    assert.ok((await calls.trace.ended(key)).aborted);
    assert.ok((await calls.trace.now(key)).produced <= 1 + CREDIT);
  },
  "a stream that goes on outlives its timeout": async ({ client: { calls } }) => {
    const until = performance.now() + 450;
    // A machine that others use as well holds a process up for some tens of ms now and then.
    for await (const item of calls.produce(newKey(), { timeout: 200 })) {
      if (performance.now() > until) assert.ok(item > 0);
      if (performance.now() > until) break;
    }
  },
  "a stream that falls silent ends at both ends when its time is over": async ({ client: { calls, connection } }) => {
    const key = newKey();
    await connection.opened;
    async function* silent(): AsyncGenerator<number> {
      yield 1;
      await new Promise(() => {});
    }
    await assertFails(calls.listen(key, silent(), { timeout: 60 }), "timeout");
    assert.ok((await calls.trace.ended(key)).aborted);
  },
  "a client that goes away ends its generators": async ({ client, open }) => {
    const other = open();
    const key = newKey();
    const items = other.calls.produce(key)[Symbol.asyncIterator]();
    await items.next();
    other.connection.close();
    await assertFails(drain(items), "closed");
    assert.ok((await client.calls.trace.ended(key)).aborted);
  },

  "items go in from lists, generators and streams": async ({ client: { calls } }) => {
    const numbers = Array.from({ length: 70 }, (_, i) => i);
    const total = (70 * 69) / 2;
    async function* later(): AsyncGenerator<number> {
      for (const number of numbers) yield await Promise.resolve(number);
    }
    const stream = (): ReadableStream<number> => {
      let i = 0;
      return new ReadableStream({
        pull: (controller) => (i < 70 ? controller.enqueue(i++) : controller.close()),
      });
    };
    assert.equal(await calls.sum(undefined, numbers), total);
    assert.equal(await calls.sum(undefined, new Set(numbers)), total);
    assert.equal(await calls.sum(undefined, later()), total);
    assert.equal(await calls.sum(undefined, stream()), total);
    assert.equal(await calls.sum(undefined, []), 0);
    const chunks = [0, 1, 1_000, 60_000].map((length) => new Uint8Array(length));
    assert.equal(await calls.bytes.total(undefined, chunks), 61_001);
  },
  "items both ways in one call": async ({ client: { calls } }) => {
    const items: string[] = [];
    const call = calls.exchange("n", [1, 2, 3]);
    for await (const item of call) items.push(item);
    assert.deepEqual(items, ["n1", "n2", "n3"]);
    assert.equal(await call, 3);
  },
  "a producer at the client stays within 16 items of its consumer": async ({ client }) => {
    const { calls } = client;
    for (const count of [3, 8, 50]) {
      const key = newKey();
      const source = new Source();
      const controller = new AbortController();
      const failed = failureOf(calls.take({ key, count }, source, { signal: controller.signal }));
      await calls.trace.taken({ key, count });
      await settle(client);
      assert.ok(source.asked >= count, `${source.asked} items made, ${count} taken`);
      assert.ok(source.asked <= count + CREDIT, `${source.asked} items made when ${count} were taken`);
      controller.abort();
      assert.equal((await failed).code, "cancelled");
      assert.ok((await calls.trace.ended(key)).aborted);
      await source.ended;
    }
  },
  "a call that is over takes no more from its source": async ({ client: { calls } }) => {
    const source = new Source();
    assert.equal(await calls.taste(3, source), 0 + 1 + 2);
    await source.ended;
    let cancelled = (): void => {};
    const ended = new Promise<void>((resolve) => (cancelled = resolve));
    const stream = new ReadableStream<number>({ pull: (controller) => controller.enqueue(1), cancel: cancelled });
    assert.equal(await calls.taste(2, stream), 2);
    await ended;
  },
  "a source that fails ends the call at both ends": async ({ client: { calls } }) => {
    const key = newKey();
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      yield 2;
      throw await Promise.resolve(new RangeError("The source is broken"));
    }
    await assert.rejects(async () => calls.listen(key, failing()), { message: "The source is broken" });
    const trace = await calls.trace.ended(key);
    assert.deepEqual([trace.taken, trace.aborted], [2, true]);
  },
};

/** Takes all there is. */
async function drain(items: AsyncIterator<unknown>): Promise<void> {
  while ((await items.next()).done !== true);
}
