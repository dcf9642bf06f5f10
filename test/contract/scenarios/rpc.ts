import assert from "node:assert/strict";
import { assertFails, collect, failureOf, newKey, next, settle, type Scenario } from "../stage.ts";

interface Nameless {
  readonly [name: string]: (...args: unknown[]) => Promise<unknown>;
}

export const rpc: Readonly<Record<string, Scenario>> = {
  "nested procedures": async ({ client: { calls } }) => {
    assert.equal(await calls.math.add({ a: 1, b: 2 }), 3);
    assert.equal(await calls.math.deep.er.negate(5), -5);
  },

  "typed errors carry code, message and data": async ({ client: { calls } }) => {
    const error = await failureOf(calls.fail.typed({ size: [1, null] }));
    assert.deepEqual([error.code, error.message, error.data], ["teapot", "Short and stout", { size: [1, null] }]);
    const plain = await failureOf(calls.fail.late());
    assert.deepEqual([plain.code, plain.message, plain.data], ["not_found", "Nobody here", undefined]);
  },
  "unexpected errors are internal, with no text": async ({ client: { calls, about } }) => {
    for (const call of [calls.fail.unexpected(), calls.fail.text(), calls.fail.output()]) {
      const error = await failureOf(call);
      assert.deepEqual([error.code, error.message, error.data], ["internal", "internal", undefined]);
    }
    const log = (await about.failures()).join("\n");
    assert.match(log, /A handler failed: TypeError: The secret text/);
    assert.match(log, /Not even an error/);
    assert.match(log, /Result does not fit its schema/);
  },
  "exposeErrors tells their text": async ({ open, exposedUrl }) => {
    const { calls } = open({ url: exposedUrl });
    const error = await failureOf(calls.fail.unexpected());
    assert.equal(error.code, "internal");
    assert.match(error.message, /The secret text/);
  },
  "validation errors list the issues": async ({ client: { calls } }) => {
    const error = await failureOf(calls.math.add({ a: 1, b: "two" } as never));
    assert.equal(error.code, "bad_input");
    const { issues } = error.data as { issues: { message: string; path: string[] }[] };
    assert.deepEqual(
      issues.map(({ path }) => path),
      [["b"]],
    );
    assert.match(issues[0]!.message, /number/);
    await assertFails(calls.math.add(undefined as never), "bad_input");
    await assertFails(calls.sum(undefined, ["one"] as never), "bad_input");
  },
  "unknown procedures and services are not_found": async ({ client, url, open }) => {
    const { calls } = client as unknown as { calls: Nameless };
    await assertFails(calls["nobody"]!(), "not_found");
    await assertFails(calls["math"]!(), "not_found");
    assert.equal(await client.calls.echo(1), 1);
    assert.ok(url && open);
  },
  "what is too large for a packet fails at its sender": async ({ client: { calls, text } }) => {
    await assertFails(calls.echo("x".repeat(200_000)), "too_large");
    assert.throws(() => text.send("x".repeat(200_000)), { code: "too_large" });
    assert.equal(await calls.echo("after"), "after");
  },

  "a call times out after the client's default": async ({ open }) => {
    const client = open({ timeout: 80 });
    await client.connection.opened;
    const key = newKey();
    await assertFails(client.calls.hang(key), "timeout");
    assert.ok((await client.calls.trace.ended(key, { timeout: 5_000 })).aborted);
  },
  "a call times out after its own time, and the handler's signal aborts": async ({ client: { calls, connection } }) => {
    const key = newKey();
    // One whose time ran out before there was a socket was never sent.
    await connection.opened;
    const patient = calls.echo("patient", { timeout: Infinity });
    await assertFails(calls.hang(key, { timeout: 40 }), "timeout");
    assert.ok((await calls.trace.ended(key)).aborted);
    assert.equal(await patient, "patient");
  },
  "an abort reaches the handler's signal": async ({ client: { calls } }) => {
    const key = newKey();
    const controller = new AbortController();
    const failed = failureOf(calls.hang(key, { signal: controller.signal }));
    await calls.trace.begun(key);
    controller.abort("reason");
    const error = await failed;
    assert.deepEqual([error.code, error.cause], ["cancelled", "reason"]);
    assert.ok((await calls.trace.ended(key)).aborted);
    await assertFails(calls.hang(newKey(), { signal: AbortSignal.abort() }), "cancelled");
  },
  "a caller that goes away aborts its handlers": async ({ client, open }) => {
    const other = open();
    const key = newKey();
    const failed = failureOf(other.calls.hang(key));
    await client.calls.trace.begun(key);
    other.connection.close();
    assert.equal((await failed).code, "closed");
    assert.ok((await client.calls.trace.ended(key)).aborted);
  },

  "the server calls the client by contract": async ({ client: { about } }) => {
    assert.deepEqual(await about.confirm("yes"), { value: true });
    assert.deepEqual(await about.confirm("no"), { value: false });
  },
  "the server checks what it asks and what it is answered": async ({ open }) => {
    const wrong = open({}, { confirm: () => "maybe" as unknown as boolean });
    // The server's own fault, and no PrismError, so that whoever called it would only hear `internal`.
    assert.match(((await wrong.about.confirm("")) as { message: string }).message, /confirm does not fit its schema/);
    assert.equal(((await wrong.about.confirm("x")) as { code: string }).code, "bad_output");
  },
  "the client's failures reach the server": async ({ open, client }) => {
    const reject = (error: Error) => open({}, { confirm: () => Promise.reject(error) });
    // An error of another copy of the package, by its shape.
    const typed = Object.assign(new Error("Not now"), { name: "PrismError", code: "later" });
    assert.deepEqual(await reject(typed).about.confirm("x"), { code: "later", message: "Not now" });
    assert.deepEqual(await reject(new Error("secret")).about.confirm("x"), { code: "internal", message: "internal" });
    assert.deepEqual(await client.about.confirm("yes"), { value: true });
  },
  "the server's call times out, and the client's signal aborts": async ({ open }) => {
    const aborted = collect<Event>(1);
    const hang = (_: string, { signal }: { signal: AbortSignal }): Promise<boolean> =>
      new Promise(() => signal.addEventListener("abort", aborted.take));
    const { about } = open({}, { hang });
    const answer = await about.confirmLate({ key: "", timeout: 40 });
    assert.equal((answer as { code: string }).code, "timeout");
    await aborted.all;
  },
  "the server's call fails with lost when the client goes": async ({ client, open }) => {
    const [asked, aborted] = [collect<string>(1), collect<Event>(1)];
    const hang = (key: string, { signal }: { signal: AbortSignal }): Promise<boolean> => {
      signal.addEventListener("abort", aborted.take);
      asked.take(key);
      return new Promise(() => {});
    };
    const other = open({}, { hang });
    const key = newKey();
    const asking = failureOf(other.about.ask(key));
    await asked.all;
    other.connection.close();
    assert.ok((await client.calls.trace.ended(key)).aborted);
    assert.equal((await asking).code, "closed");
    await aborted.all;
  },

  "guards see what admit knows, and refuse": async ({ client, open, url }) => {
    await assertFails(client.about.user(), "unauthorized");
    await assertFails(client.about.greet("Hello"), "unauthorized");
    const { about } = open({ url: `${url}/prism?user=ada` });
    assert.equal(await about.user(), "ada");
    assert.equal(await about.greet("Hello"), "Hello, ada (a)");
    await assertFails(about.greet(1 as never), "bad_input");
  },
  "a session lasts as long as its connection": async ({ client, open }) => {
    assert.equal(await client.about.visit(), 1);
    assert.equal(await client.about.visit(), 2);
    assert.equal(await open().about.visit(), 1);
  },
  "middleware refuses, drops, changes and waits": async ({ client }) => {
    const error = await failureOf(client.walled.call("x") as unknown as Promise<string>);
    assert.deepEqual([error.code, error.message, error.data], ["forbidden", "Not here", { kind: "call" }]);
    await assertFails(client.muted.call("x") as unknown as Promise<string>, "cancelled");
    assert.equal(await (client.shouted.call("loud") as unknown as Promise<string>), "LOUD");
    assert.equal(await (client.late.call("slow") as unknown as Promise<string>), "slow");

    const heard: string[] = [];
    client.walled.onMessage((text) => void heard.push(text));
    client.muted.onMessage((text) => void heard.push(text));
    client.shouted.onMessage((text) => void heard.push(text));
    client.late.onMessage((text) => void heard.push(text));
    for (const service of [client.walled, client.muted, client.shouted, client.late]) service.send("message");
    await settle(client);
    assert.deepEqual(heard, ["MESSAGE", "message"]);
  },
  "the log has one entry for each frame": async ({ client }) => {
    const before = await client.about.frames();
    for (let i = 0; i < 5; i++) client.json.send(i);
    await Promise.all([client.calls.echo(1), client.calls.nothing()]);
    assert.equal(await client.about.frames(), before + 8);
  },
  "the server closes a connection with a reason": async ({ open, client }) => {
    const kicked = open();
    const id = await kicked.about.me();
    const closed = next(kicked, "closed");
    const failed = failureOf(kicked.about.kick("Enough"));
    assert.deepEqual(await closed, { code: 1008, reason: "Enough" });
    assert.equal((await failed).code, "closed");
    assert.equal(kicked.connection.status, "closed");
    assert.deepEqual(await client.about.ended(id), { code: 1008, reason: "Enough" });
    kicked.connection.open();
    assert.notEqual(await kicked.about.me(), id);
  },
};
