// The contract: one app on every runtime, one script of scenarios on every runtime, and each of the one against each of
// the other, as processes of their own.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RuntimeName, runtimeNames, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";
import type { Line, Summary } from "./client.ts";
import type { Ready, RunOptions } from "./run.ts";
import { scenarios } from "./scenarios/all.ts";

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function startServer(name: RuntimeName, options: RunOptions = {}): RuntimeProcess {
  return spawnRuntime(name, file(`${name.replace(/20|Current/, "")}.ts`), [JSON.stringify(options)]);
}

/** How long a process may take to end when there is nothing left to do, in ms. */
const GRACE = 5_000;

describe.each(runtimeNames)("a server on %s", (serverName) => {
  let server: RuntimeProcess;
  let ready: Ready;

  beforeAll(async () => {
    server = startServer(serverName);
    ready = await server.ready();
  }, 30_000);

  afterAll(async () => {
    await server.stop();
  });

  async function restart(): Promise<void> {
    process.kill(server.pid, "SIGKILL");
    expect(await server.exited).toBe("SIGKILL");
    expect(server.errors()).toBe("");
    server = startServer(serverName, { port: ready.port });
    ready = await server.ready();
  }

  describe.each(runtimeNames)("and a client on %s", (clientName) => {
    let client: RuntimeProcess;
    let rest: Promise<Summary>;
    const results = new Map([...scenarios.keys()].map((name) => [name, createResult()]));

    beforeAll(() => {
      client = spawnRuntime(clientName, file("client.ts"), [ready.url, ready.exposedUrl]);
      rest = listen();
      rest.catch(() => {});
    });

    afterAll(async () => {
      await client.stop();
    });

    async function listen(): Promise<Summary> {
      try {
        for (;;) {
          const line = JSON.parse(await client.line("{")) as Line;
          if ("name" in line) results.get(line.name)?.resolve(line.ok ? undefined : (line.detail ?? "failed"));
          else if ("restart" in line) await restart();
          else return line;
        }
      } catch (error) {
        for (const { resolve } of results.values()) resolve(String(error));
        throw error;
      }
    }

    test.each([...scenarios.keys()])("%s", { timeout: 30_000 }, async (name) => {
      expect(await results.get(name)?.promise).toBeUndefined();
    });

    test("no rejection was left unhandled", async () => {
      expect((await rest).unhandled).toEqual([]);
    });

    test("the client's process ends by itself", async () => {
      await rest;
      const timer = setTimeout(() => process.kill(client.pid, "SIGKILL"), GRACE);
      expect(await client.exited).toBe(0);
      clearTimeout(timer);
      expect(client.errors()).toBe("");
    });
  });

  test("the server's process ends by itself when it is closed", async () => {
    server.write("close");
    const timer = setTimeout(() => process.kill(server.pid, "SIGKILL"), GRACE);
    expect(await server.exited).toBe(0);
    clearTimeout(timer);
    expect(server.errors()).toBe("");
  });
});

/** What became of a scenario: nothing where all is well, else why not. */
function createResult(): { promise: Promise<string | undefined>; resolve: (problem: string | undefined) => void } {
  let resolve: (problem: string | undefined) => void = () => {};
  const promise = new Promise<string | undefined>((settle) => (resolve = settle));
  return { promise, resolve };
}
