import * as v from "valibot";
import { afterEach, describe, expect, test } from "vitest";
import { prism, PrismError, type LogEntry } from "../../../mod.ts";
import { rpc as rpcHalf } from "../../../src/services/rpc/client.ts";
import { answer, procedure, rpc } from "../../../src/services/rpc/server.ts";
import { connectInMemory } from "../../../src/testing/testing.ts";

const done: (() => void)[] = [];
afterEach(() => {
  for (const close of done.splice(0)) close();
});

describe("a call that cannot be right", () => {
  const app = prism().service(
    "calls",
    rpc({ bare: procedure(() => 1), sum: procedure({ items: v.number() }, () => 2) }),
  );
  const connect = () => {
    const client = connectInMemory<typeof app>(app, { services: { calls: rpcHalf() } });
    done.push(() => client.connection.close());
    // As JavaScript has it, with no types to warn.
    return client.calls as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  };

  test("with an input where there is none is refused, not left waiting", async () => {
    const { bare, sum } = connect();
    await expect(bare!({ timeout: 5 })).rejects.toMatchObject({ code: "bad_input" });
    await expect(sum!([1, 2])).rejects.toMatchObject({ code: "bad_input" });
    expect(await bare!()).toBe(1);
  });

  test("with items that are none throws", () => {
    expect(() => connect().sum!(undefined, 5)).toThrow(TypeError);
  });

  test("with an input that cannot be written fails", async () => {
    await expect(connect().bare!(1n)).rejects.toThrow(TypeError);
  });
});

describe("a call that fails", () => {
  test("has an entry in the log, which says why", async () => {
    const log: LogEntry[] = [];
    const app = prism({ log: (entry) => void log.push(entry) }).service("calls", rpc({ bare: procedure(() => 1) }));
    const client = connectInMemory<typeof app>(app, { services: { calls: rpcHalf() } });
    done.push(() => client.connection.close());
    await expect(client.calls.bare("input" as never)).rejects.toMatchObject({ code: "bad_input" });
    expect(log.filter(({ message }) => message === "Call failed")).toMatchObject([
      { level: "info", service: "calls", data: { code: "bad_input" } },
    ]);
  });
});

describe("what the server asks of a client", () => {
  const asked = () => {
    const failures: unknown[] = [];
    const app = prism()
      .service("ui", rpc({}, { client: { confirm: answer(v.object({ text: v.string() }), v.boolean()) } }))
      .service("tools", ({ services }) =>
        rpc({
          ask: procedure(v.any(), (given, { connection }) =>
            services.ui.client(connection).confirm(given as { text: string }),
          ),
        }),
      );
    app.events.on("error", (error) => failures.push(error));
    return { app, failures };
  };

  test("and does not fit is the server's fault, which its caller is not told of", async () => {
    const { app, failures } = asked();
    const client = connectInMemory<typeof app>(app, {
      services: { tools: rpcHalf(), ui: rpcHalf({ confirm: () => true }) },
    });
    done.push(() => client.connection.close());
    await expect(client.tools.ask({ text: 3 })).rejects.toMatchObject({ code: "internal", message: "internal" });
    expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining("the client's confirm") })]);
  });

  test("is the client's to refuse", async () => {
    const { app } = asked();
    const confirm = (): boolean => {
      throw new PrismError("not_now", "Later");
    };
    const client = connectInMemory<typeof app>(app, { services: { tools: rpcHalf(), ui: rpcHalf({ confirm }) } });
    done.push(() => client.connection.close());
    await expect(client.tools.ask({ text: "?" })).rejects.toMatchObject({ code: "not_now", message: "Later" });
  });
});

describe("what is no service, and no half", () => {
  test("is named", () => {
    expect(() => prism().service("x", undefined as never)).toThrow('Service "x" is not a service: undefined');
    const services = { x: undefined } as never;
    expect(() => connectInMemory(prism(), { services })).toThrow("Service x is given no client half: undefined");
  });
});
