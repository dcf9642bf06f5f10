import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { defineService, prism, PrismError } from "../../mod.ts";
import { rpc as rpcHalf } from "../../src/services/rpc/client.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import {
  connectInMemory,
  createNetwork,
  type InMemoryOptions,
  type NetworkOptions,
} from "../../src/testing/testing.ts";
import { admit, FakeServerClock } from "../server/raw.ts";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";

expectNoUnhandledRejections();

interface Shape {
  state: { user?: string | undefined };
}

/** An app, and a client of it, on a clock that the test moves. */
async function setUp(options: Omit<InMemoryOptions<object>, "services"> = {}) {
  const clock = new FakeServerClock();
  const requests: Request[] = [];
  const doors = { open: true };
  const who = procedure.with<Shape>();
  const app = prism<Shape>({
    clock,
    // Its cookies are signed in real time.
    session: false,
    admit: (request) => {
      requests.push(request);
      if (!doors.open) return new Response(null, { status: 403 });
      return { state: { user: request.headers.get("x-user") ?? undefined } };
    },
  }).service(
    "me",
    rpc({
      name: who(({ connection }) => connection.state.user),
      address: who(({ connection }) => connection.remoteAddress),
      add: procedure(v.object({ a: v.number(), b: v.number() }), ({ a, b }) => a + b),
      fail: procedure((): never => {
        throw new PrismError("mine");
      }),
    }),
  );
  // The hash of the service table takes real time, once.
  (await admit(app)).abandon();
  requests.length = 0;
  const logged: unknown[] = [];
  const client = connectInMemory<typeof app>(app, {
    services: { me: rpcHalf() },
    clock,
    log: ({ message, data }) => void logged.push([message, data]),
    ...options,
  });
  return { clock, app, client, requests, doors, logged };
}

describe("connectInMemory", () => {
  test("joins a real client and a real app", async () => {
    const { clock, client, app } = await setUp();
    const calls = [client.me.add({ a: 1, b: 2 }), client.me.fail(), client.me.add({ a: "1" } as never)].map((call) =>
      watch(call),
    );
    await clock.settle();
    expect(calls).toEqual([
      { value: 3 },
      { error: expect.objectContaining({ code: "mine" }) },
      { error: expect.objectContaining({ code: "bad_input" }) },
    ]);
    client.connection.close();
    await clock.settle();
    expect(app.stats().connections).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test("asks as a socket would, and selects as a server would", async () => {
    const { clock, requests, app } = await setUp();
    await clock.settle();
    expect(requests).toHaveLength(1);
    expect(requests[0]!.headers.get("sec-websocket-protocol")).toBe("prism.1");
    expect(app.isUpgrade(requests[0]!)).toBe(true);
    // A welcome out, its acknowledgement in: no hello is said where the version was selected.
    expect(app.stats()).toEqual({ connections: 1, suspended: 0, received: 1, sent: 1 });
  });

  test("goes by the client's clock, where it is given one", async () => {
    const { clock, client } = await setUp();
    await new Promise((resolve) => void setImmediate(resolve));
    for (let i = 0; i < 3; i++) clock.turn();
    expect(client.connection.status).toBe("open");
  });

  test("gives the request headers, and the app an address", async () => {
    const { clock, client } = await setUp({ headers: { "x-user": "Ada" }, remoteAddress: "192.0.2.1" });
    const [name, address] = [watch(client.me.name()), watch(client.me.address())];
    await clock.settle();
    expect([name.value, address.value]).toEqual(["Ada", "192.0.2.1"]);
  });

  test("is closed where it is refused, and says why", async () => {
    const { clock, client, doors, requests } = await setUp({ lazy: true });
    doors.open = false;
    client.connection.open();
    const opened = watch(client.connection.opened);
    const name = watch(client.me.name());
    await clock.advance(20_000);
    expect(client.connection.status).toBe("closed");
    expect(requests).toHaveLength(1);
    expect(name.error).toMatchObject({ code: "closed", message: "Refused with status 403" });
    expect(opened.error).toMatchObject({ code: "closed" });
    doors.open = true;
    client.connection.open();
    await clock.settle();
    expect(client.connection.status).toBe("open");
  });

  test("comes back to an app that lets go of it, and stays away from one that closes it", async () => {
    const { clock, client, app } = await setUp();
    const statuses: string[] = [];
    client.connection.on("status", (status) => void statuses.push(status));
    app.events.on("connect", (connection) => {
      if (statuses.length > 1) connection.close("Enough");
    });
    await clock.settle();
    await app.close();
    await clock.advance(1_000);
    expect(statuses).toEqual(["open", "suspended"]);
    client.connection.close();
    expect(statuses).toEqual(["open", "suspended", "closed"]);
  });

  test("is closed for good where the app says so", async () => {
    const { clock, client, app } = await setUp();
    const closed: unknown[] = [];
    client.connection.on("closed", (why) => void closed.push(why));
    app.events.on("connect", (connection) => connection.close("Enough"));
    await clock.advance(60_000);
    expect(closed).toEqual([{ code: 1008, reason: "Enough" }]);
    expect(app.stats().connections).toBe(0);
  });

  test("takes another dial, or none", async () => {
    const dialled: string[] = [];
    const clock = new FakeServerClock();
    const { client } = await setUp({
      dial: (url) => {
        dialled.push(url);
        return createSocketPair(clock)[0];
      },
    });
    expect(dialled).toEqual(["ws://localhost/prism"]);
    client.connection.close();
    const other = await setUp({ dial: undefined });
    await other.clock.settle();
    expect(other.client.connection.status).toBe("open");
  });

  test("reaches an app wherever its prefix is, and whatever its services are", async () => {
    const heard: unknown[] = [];
    const tick = defineService({
      kind: "tick",
      down: v.number(),
      client: (host) => ({ onTick: (hear: (n: number) => void) => host.onmessage(hear) }),
      server: (host) => ({ tick: () => host.broadcast(1) }),
    });
    const app = prism({ prefix: "/live/here" }).service("tick", tick);
    const client = connectInMemory<typeof app>(app, { services: { tick } });
    await client.connection.opened;
    const ticked = new Promise((resolve) => client.tick.onTick(resolve));
    client.tick.onTick((n) => heard.push(n));
    app.services.tick.tick();
    expect(await ticked).toBe(1);
    expect(heard).toEqual([1]);
    client.connection.close();
    await app.close();
  });
});

describe("through a network", () => {
  /** An app with sessions and all, and what makes clients of it. */
  function setUpNetwork(options: NetworkOptions = {}) {
    const network = createNetwork(options);
    const { clock } = network;
    const app = prism({ clock, session: { secret: "of 32 characters, for these tests" } }).service(
      "math",
      rpc({ add: procedure(v.object({ a: v.number(), b: v.number() }), ({ a, b }) => a + b) }),
    );
    const join = () => connectInMemory<typeof app>(app, { services: { math: rpcHalf() }, network });
    return { network, clock, app, join };
  }

  test("takes its time there and back, and settles whatever an admission takes", async () => {
    const { network, clock, join } = setUpNetwork({ latency: 50 });
    const client = join();
    await clock.settle();
    expect(network.lines).toHaveLength(1);
    expect(client.connection.status).toBe("connecting");
    await clock.advance(50);
    expect(client.connection.status).toBe("open");
    const sum = watch(client.math.add({ a: 1, b: 2 }));
    await clock.advance(99);
    expect(sum).toEqual({});
    await clock.advance(1);
    expect(sum).toEqual({ value: 3 });
    client.connection.close();
    await clock.advance(100);
    expect(network.lines).toEqual([]);
  });

  test("gives each client a line, and each a new one when it comes back", async () => {
    const { network, clock, app, join } = setUpNetwork();
    const one = join();
    await clock.settle();
    const two = join();
    await clock.settle();
    const [first, second] = network.lines;
    expect(network.lines).toHaveLength(2);
    first!.cut();
    await clock.settle();
    expect([one.connection.status, two.connection.status]).toEqual(["suspended", "open"]);
    await clock.advance(500);
    expect(one.connection.status).toBe("open");
    expect(network.lines).toEqual([second, expect.anything()]);
    expect(app.stats().connections).toBe(2);
    const sum = watch(one.math.add({ a: 1, b: 2 }));
    await clock.settle();
    expect(sum.value).toBe(3);
    one.connection.close();
    two.connection.close();
    await clock.settle();
    expect(network.lines).toEqual([]);
  });

  test("finds out by the heartbeat that nobody is there, and comes back", async () => {
    const { network, clock, join } = setUpNetwork();
    const client = join();
    await clock.settle();
    network.lines[0]!.halfOpen();
    await clock.advance(20_000);
    expect(client.connection.status).toBe("open");
    await clock.advance(40_000);
    expect(client.connection.status).toBe("open");
    expect(network.lines).toHaveLength(1);
    client.connection.close();
    await clock.settle();
  });

  test("does not come back while the network is not reachable", async () => {
    const { network, clock, join } = setUpNetwork();
    const client = join();
    await clock.settle();
    network.reachable = false;
    const failures: unknown[] = [];
    client.connection.on("failed", (error) => void failures.push(String(error)));
    network.lines[0]!.cut();
    await clock.advance(9_000);
    expect(client.connection.status).not.toBe("open");
    expect(new Set(failures)).toEqual(new Set(["Error: The network is not reachable"]));
    network.reachable = true;
    await clock.advance(10_000);
    expect(client.connection.status).toBe("open");
    client.connection.close();
    await clock.settle();
  });

  test("goes by the network's clock, whatever other is given", async () => {
    const { network, clock, app } = setUpNetwork();
    const other = new FakeServerClock();
    const client = connectInMemory<typeof app>(app, { services: { math: rpcHalf() }, network, clock: other });
    await clock.settle();
    expect([client.connection.status, other.timersSet]).toEqual(["open", 0]);
    client.connection.close();
    await clock.settle();
  });
});
