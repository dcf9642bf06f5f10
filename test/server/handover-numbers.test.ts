import * as v from "valibot";
import { describe, expect, test } from "vitest";
import type { prism } from "../../mod.ts";
import type { ServerHost } from "../../src/service/hosts.ts";
import type { Service } from "../../src/service/service.ts";
import { writeNumber } from "../../src/wire/numbers.ts";
import { answer, procedure, rpc } from "../../src/services/rpc/server.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createOpen } from "./raw.ts";
import { lose, watch, type Visit } from "./returning.ts";
import { createBytes, createServers, failures, type TestServer } from "./servers.ts";

expectNoUnhandledRejections();

type App = ReturnType<typeof prism>;

const pair = v.object({ a: v.number(), b: v.number() });
const add = procedure(pair, ({ a, b }) => a + b);
const sub = procedure(pair, ({ a, b }) => a - b);
const said = { output: v.string() };
const question = answer(v.string(), said.output);

/** Two releases of one app, and what they share. */
function setUp() {
  const { open, clock } = createServers();
  const hosts: Record<string, ServerHost> = {};
  const other = (name: string, kind?: Service): Service =>
    kind ?? createOpen((host) => void (hosts[name] = host)).service;

  const older = (app: App, it: Service): void =>
    void app
      .service("it", it as never)
      .service(
        "math",
        rpc({ add, sub, gone: add, deep: { add } }, { client: { ask: question, tell: question } }) as never,
      )
      .service("old", other("old") as never);
  const newer = (app: App, it: Service): void =>
    void app
      .service(
        "math",
        rpc(
          { deep: { mul: add, add }, sub, add },
          { client: { extra: question, tell: question, ask: question } },
        ) as never,
      )
      .service("fresh", other("fresh") as never)
      .service("it", it as never);

  async function move(from: TestServer, to: TestServer, at?: Visit, received = 0): Promise<Visit> {
    const first = at ?? (await from.join());
    await lose(first);
    await from.app.drain();
    const second = await to.again(first.token, received);
    expect(second.welcome.resumed).toBe(true);
    expect(failures(to)).toEqual([]);
    await second.peer.say(`%${writeNumber(received)}`);
    return second;
  }
  return { clock, hosts, open, older: () => open({}, older), newer: () => open({}, newer), move };
}

/** What calls a client's functions. */
function callers({ app, handles }: TestServer): Record<string, (input: string) => Promise<string>> {
  const { math } = app.services as unknown as Record<string, { client(to: unknown): never }>;
  return math!.client(handles[0]);
}

const failed = (id: string, code: string): RegExp => new RegExp(`^!${id}\\{"code":"${code}"`);

describe("at a server with its services and procedures in another order, a client", () => {
  test("is understood by the numbers that it knows", async () => {
    const { older, newer, move } = setUp();
    const [one, two] = [older(), newer()];
    const { peer } = await move(one, two);
    const input = '{"a":7,"b":2}';
    // The service's number, the call's, the procedure's place; `deep.add` is the fourth.
    expect(await peer.say(`?A@@${input}`, `?AAA${input}`, `?ABC${input}`)).toEqual(["=@9", "=A5", "=B9"]);
    expect(await peer.say("@1", '?@@"x"')).toEqual(['=@"x"']);
    expect(two.heard).toEqual(["connect", 1]);
  });

  test("is told by them, too", async () => {
    const { older, newer, move, hosts } = setUp();
    const [one, two] = [older(), newer()];
    const { peer } = await move(one, two);
    const fresh = await two.join();
    two.host.broadcast("all");
    two.host.send(two.handles[0]!, "one");
    two.host.broadcast("late", { conflate: "key" });
    hosts["fresh"]!.broadcast("not known there");
    expect(await peer.say()).toEqual(['@"all"', '@"one"', '@"late"']);
    expect(await fresh.peer.say()).toEqual(['B"all"', 'B"late"', 'A"not known there"']);
  });

  test("is called by them", async () => {
    const { older, newer, move, hosts } = setUp();
    const [one, two] = [older(), newer()];
    const { peer } = await move(one, two);
    const { ask, tell, extra } = callers(two);
    const calls = [watch(ask!("a")), watch(tell!("t"))];
    // The client's places: four procedures, then its functions.
    expect(await peer.say()).toEqual(['?A@D"a"', '?AAE"t"']);
    await peer.say('=@"yes"', '=A"no"');
    expect(calls).toEqual([{ value: "yes" }, { value: "no" }]);
    await expect(extra!("x")).rejects.toMatchObject({ code: "not_found", message: "The client does not know extra" });
    await expect(hosts["fresh"]!.call(two.handles[0]!, 1)).rejects.toMatchObject({ code: "not_found" });
    expect(await peer.say()).toEqual([]);
  });

  test("finds nobody where a service or a procedure is gone", async () => {
    const { older, newer, move, clock } = setUp();
    const [one, two] = [older(), newer()];
    const { peer } = await move(one, two);
    const frames = await peer.say("?A@B1", "?AAI1", "?BB1", "B1", "C1");
    expect(frames).toEqual([
      expect.stringMatching(failed("@", "not_found")),
      expect.stringMatching(failed("A", "not_found")),
      expect.stringMatching(failed("B", "not_found")),
    ]);
    // All of them count, and those that nobody takes break nothing.
    await clock.advance(1_000);
    expect([peer.frames(), peer.closings, two.heard]).toEqual([["%E"], [], ["connect"]]);
    expect(two.log.filter(({ message }) => message === "Message dropped")).toHaveLength(2);
  });

  test("finds nobody where a service has become another", async () => {
    const { older, open, move } = setUp();
    const one = older();
    const two = open({}, (app, it) => void app.service("old", createBytes() as never).service("it", it as never));
    const { peer } = await move(one, two);
    expect(await peer.say("?B@1", "@1")).toEqual([expect.stringMatching(failed("@", "not_found"))]);
    expect(two.heard).toEqual(["connect", 1]);
  });

  test("keeps its numbers when it moves on, to a server of either release", async () => {
    const { older, newer, move } = setUp();
    const servers = [older(), newer(), newer(), older()];
    let last = await servers[0]!.join();
    for (let i = 1; i < servers.length; i++) {
      const received = (i - 1) * 2;
      last = await move(servers[i - 1]!, servers[i]!, last, received);
      expect(last.welcome).toMatchObject({ received: i - 1, sent: received });
      expect(await last.peer.say('?AA@{"a":7,"b":2}'), `${i}`).toEqual(["=A9"]);
      servers[i]!.host.broadcast(i);
      expect(await last.peer.say()).toEqual([`@${i}`]);
      await last.peer.say(`%${writeNumber(received + 2)}`);
    }
  });
});
