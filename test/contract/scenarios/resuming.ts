import assert from "node:assert/strict";
import { collect, failureOf, newKey, next, tap, type ContractClient, type Scenario } from "../stage.ts";
import { history } from "./lifecycle.ts";

/** Loses a socket in the middle of everything, and looks at what comes after it is resumed. */
async function resume(client: ContractClient, lose: () => void): Promise<{ code: number; reason: string }> {
  const before = await client.about.me();
  const events = history(client);
  const key = newKey();
  const hanging = client.calls.hang(key);
  const over = failureOf(hanging);
  const items = client.calls.produce(newKey())[Symbol.asyncIterator]();
  assert.equal((await items.next()).done, false);
  await client.calls.trace.begun(key);

  const suspended = next(client, "suspended");
  const resumed = next(client, "resumed");
  lose();
  const why = await suspended;
  assert.equal(client.connection.status, "suspended");
  const queued = [1, 2, 3].map((i) => client.calls.echo(i));
  const heard = collect<unknown>(1);
  const off = client.json.onMessage(heard.take);
  client.json.send("sent while offline");
  await resumed;
  assert.deepEqual(await Promise.all(queued), [1, 2, 3]);
  assert.deepEqual(await heard.all, ["sent while offline"]);
  off();
  // The same connection, whose calls go on.
  assert.deepEqual(events, ["suspended", "open"]);
  assert.equal(await client.about.me(), before);
  assert.equal((await items.next()).done, false);
  await items.return?.();
  assert.equal((await client.calls.trace.now(key)).ended, false);
  client.connection.close();
  assert.equal((await over).code, "closed");
  return why;
}

export const resuming: Readonly<Record<string, Scenario>> = {
  "a socket that breaks is resumed, and nothing is lost": async ({ open }) => {
    const { dial, sockets } = tap();
    const client = open({ dial });
    await client.connection.opened;
    const why = await resume(client, () => sockets.at(-1)!.close(4999, "broken"));
    assert.equal(why.code, 4999);
    assert.equal(sockets.length, 2);
  },
};
