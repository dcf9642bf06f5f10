import { createStorage } from "unstorage";
import { expect, test, vi } from "vitest";
import * as v from "valibot";
import { prism } from "../../mod.ts";
import { memory } from "../../src/broker/memory.ts";
import { rpc as half } from "../../src/services/rpc/client.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { connectInMemory } from "../../src/testing/connect-in-memory.ts";

interface Shape {
  session: { name?: string };
  state: Record<string, unknown>;
}

/** Two servers that share a store, and one session at both. */
async function createStage(cache: boolean | "coherent") {
  const storage = createStorage();
  const broker = memory();
  const open = () =>
    prism<Shape>({
      broker,
      session: { storage, secret: "0123456789abcdef0123456789abcdef", cache },
    }).service(
      "me",
      rpc({
        get: procedure.with<Shape>()(({ session }) => session.data.name ?? ""),
        set: procedure.with<Shape>()(v.string(), async (name, { session }) => {
          session.data.name = name;
          await session.save();
        }),
        logout: procedure.with<Shape>()(({ session }) => session.destroy()),
        login: procedure.with<Shape>()(({ session }) => session.regenerate()),
      }),
    );
  const apps = [open(), open()] as const;
  const request = new Request("http://localhost/prism", { headers: { connection: "upgrade", upgrade: "websocket" } });
  const admission = await apps[0].admit(request);
  if (admission instanceof Response) throw new Error("Refused");
  const cookie = /^[^;]+/.exec(admission.headers.get("set-cookie")!)![0];
  admission.abandon();
  const ended: string[] = [];
  const join = (place: 0 | 1) => {
    const client = connectInMemory<ReturnType<typeof open>>(apps[place], {
      services: { me: half() },
      headers: { cookie },
    });
    client.connection.on("closed", ({ code }) => ended.push(`${place} closed ${code}`));
    client.connection.on("suspended", ({ code }) => ended.push(`${place} suspended ${code}`));
    return client;
  };
  const close = () => Promise.all(apps.map((app) => app.close()));
  const one = join(0);
  await one.me.set("first");
  return { one, other: join(1), ended, close };
}

test("a logout at one server closes connections at all", async () => {
  const { one, other, ended, close } = await createStage(true);
  expect(await other.me.get()).toBe("first");
  await one.me.logout();
  await vi.waitFor(() => expect(ended.toSorted()).toEqual(["0 closed 1008", "1 closed 1008"]));
  await close();
});

test("a login at one server has the connections at others come again", async () => {
  const { one, other, ended, close } = await createStage(true);
  expect(await other.me.get()).toBe("first");
  await one.me.login();
  await vi.waitFor(() => expect(ended).toEqual(["1 suspended 4004"]));
  await close();
});

test("coherent sessions have what another server stores, others when they store", async () => {
  for (const cache of ["coherent", true] as const) {
    const { one, other, close } = await createStage(cache);
    expect(await other.me.get()).toBe("first");
    await one.me.set("second");
    const expected = cache === "coherent" ? "second" : "first";
    await vi.waitFor(async () => expect(await other.me.get()).toBe(expected));
    await close();
  }
});

test("coherent sessions need a broker", () => {
  expect(() => prism({ session: { cache: "coherent" } })).toThrow("need a broker");
});
