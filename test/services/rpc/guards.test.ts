import { afterEach, describe, expect, test } from "vitest";
import { prism, PrismError } from "../../../mod.ts";
import { rpc as rpcHalf } from "../../../src/services/rpc/client.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";
import { connectInMemory } from "../../../src/testing/testing.ts";

const done: (() => void)[] = [];
afterEach(() => {
  for (const close of done.splice(0)) close();
});

/** A promise in all but class, as query builders have them: nothing happens until somebody waits. */
function lazily<T>(make: () => T): Promise<T> {
  return {
    then: (resolve: (value: T) => void, reject: (reason: unknown) => void) => {
      try {
        resolve(make());
      } catch (error) {
        reject(error);
      }
    },
  } as Promise<T>;
}

function callsOf(guard: () => object | Promise<object>) {
  const failures: unknown[] = [];
  const app = prism().service("secrets", rpc({ read: procedure.use(guard)(() => "secret") }));
  app.events.on("error", (error) => failures.push(error));
  const client = connectInMemory<typeof app>(app, { services: { secrets: rpcHalf() } });
  done.push(() => client.connection.close());
  return { read: () => client.secrets.read(), failures };
}

describe("a guard", () => {
  test.each([
    [
      "throws",
      () => {
        throw new PrismError("unauthorized");
      },
    ],
    [
      "rejects",
      async () => {
        throw new PrismError("unauthorized");
      },
    ],
    [
      "gives a thenable that rejects",
      () =>
        lazily((): object => {
          throw new PrismError("unauthorized");
        }),
    ],
  ])("that %s lets nobody through", async (_, guard) => {
    await expect(callsOf(guard).read()).rejects.toMatchObject({ code: "unauthorized" });
  });

  test.each([
    ["an object", () => ({ user: "Ada" })],
    ["a promise", async () => ({ user: "Ada" })],
    ["a thenable", () => lazily(() => ({ user: "Ada" }))],
  ])("joins %s to the context", async (_, guard) => {
    const app = prism().service("me", rpc({ name: procedure.use(guard)(({ user }) => user) }));
    const client = connectInMemory<typeof app>(app, { services: { me: rpcHalf() } });
    done.push(() => client.connection.close());
    expect(await client.me.name()).toBe("Ada");
  });

  test.each(["connection", "session", "signal", "items"])("cannot replace %s", async (name) => {
    const { read, failures } = callsOf(() => ({ [name]: "forged" }));
    await expect(read()).rejects.toMatchObject({ code: "internal" });
    expect(failures).toEqual([expect.objectContaining({ message: `A guard cannot replace ${name} in the context` })]);
  });
});
