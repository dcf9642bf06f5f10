/** The app whose page goes offline, freezes and sees its server go: numbers both ways, and calls that are counted. */
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { type ConnectionHandle, defineService, type Limits, prism } from "../../../mod.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";

/** What decides about an app. */
export interface AppOptions {
  readonly limits?: Partial<Limits>;
  /** How far apart the server's numbers are, in ms. */
  readonly apart: number;
  /** Whether calls that wait to be released are answered at once. */
  readonly released?: boolean;
}

/** What the server knows of a connection. */
export interface Account {
  /** The last number sent: they begin at 1. */
  sent: number;
  /** The first and the last number that came; 0 where none did. */
  first: number;
  last: number;
  /** Numbers that came where others were due. */
  readonly faults: string[];
}

interface Run extends Account {
  readonly timer: NodeJS.Timeout;
}

/** Sends each connection 1, 2, 3, …, and looks at whether what comes goes on where it was. */
function createTrail(apart: number) {
  return defineService({
    kind: "trail",
    codec: "json",
    up: v.number(),
    down: v.number(),
    client: (host) => ({
      send: (number: number) => host.send(number),
      onNumber: (hear: (number: number) => void) => host.onmessage(hear),
      onReset: (hear: () => void) => host.onreset(hear),
    }),
    server: (host) => {
      const runs = new Map<string, Run>();
      host.onconnect((connection) => {
        const timer = setInterval(() => host.send(connection, ++run.sent), apart);
        const run: Run = { timer, sent: 0, first: 0, last: 0, faults: [] };
        runs.set(connection.id, run);
      });
      host.onmessage((number, { connection }) => {
        const run = runs.get(connection.id);
        if (run === undefined) return;
        if (run.first === 0) run.first = number;
        else if (number !== run.last + 1) run.faults.push(`${number} after ${run.last}`);
        run.last = number;
      });
      const stop = ({ id }: ConnectionHandle<unknown>): Account | undefined => {
        const { timer, ...account } = runs.get(id) ?? {};
        clearInterval(timer);
        runs.delete(id);
        return account as Account | undefined;
      };
      host.ondisconnect(stop);
      return { stop };
    },
  });
}

const files = new Map([
  ["/", { file: "page.html", type: "text/html; charset=utf-8" }],
  ["/page.js", { file: "page.js", type: "text/javascript; charset=utf-8" }],
]);

async function page(request: Request): Promise<Response> {
  const found = files.get(new URL(request.url).pathname);
  if (found === undefined) return new Response("Not found\n", { status: 404 });
  const content = await readFile(new URL(found.file, import.meta.url), "utf8");
  return new Response(content, { headers: { "content-type": found.type } });
}

/** Makes the app, and what releases the calls that wait. */
export function createApp({ limits, apart, released: free = false }: AppOptions) {
  let release = (): void => {};
  const released = free ? Promise.resolve() : new Promise<void>((resolve) => (release = resolve));
  /** How often the counted call of a key was made. */
  const counts = new Map<string, number>();
  const stop = (connection: ConnectionHandle<unknown>): Account | undefined => app.services.trail.stop(connection);
  const calls = rpc({
    /** How often it was called with this key. */
    count: procedure(v.string(), (key) => {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return count;
    }),
    /** Waits to be released; whether it may be made again or not. */
    hold: procedure(v.string(), (key) => released.then(() => `${key} held`)),
    again: procedure({ input: v.string(), idempotent: true }, (key) => released.then(() => `${key} again`)),
    /** Ends the numbers, and says what came of them: what was sent before has come before. */
    stop: procedure(({ connection }) => ({ ...stop(connection), counted: [...counts.values()] })),
  });
  const app = prism({ limits, fetch: page }).service("trail", createTrail(apart)).service("calls", calls);
  return { app, release };
}
