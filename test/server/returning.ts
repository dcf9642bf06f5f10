import { prism, type PrismOptions } from "../../mod.ts";
import type { Servable } from "../../src/server/admission.ts";
import type { ConnectionHandle } from "../../src/service/contexts.ts";
import type { FakeClock } from "../../src/testing/fake-clock.ts";
import type { Limits } from "../../src/wire/limits.ts";
import { createOpen, createStage, enter, type JoinOptions, type RawPeer } from "./raw.ts";

/** What a welcome says. */
export interface Welcome {
  readonly connection: string;
  readonly resumed: boolean;
  readonly resume?: string;
  readonly received: number;
  readonly sent: number;
  readonly services?: Readonly<Record<string, readonly unknown[]>>;
}

/** A client that has its welcome, and has answered nothing yet. */
export interface Visit {
  readonly peer: RawPeer;
  readonly welcome: Welcome;
  /** What the welcome gives for the next socket. */
  readonly token: string;
  /** The frames that came behind the welcome. */
  readonly frames: readonly string[];
}

/** The subprotocols of a client that wants to go on. */
export function toOffer(token: string, received: number): string {
  return `prism.1, prism.resume.${token}.${received}`;
}

/** Opens a socket, and reads the welcome. */
export async function visit(app: Servable, clock: FakeClock, join?: JoinOptions): Promise<Visit> {
  return readVisit(await enter(app, clock, join));
}

/** Reads the welcome of a socket that is open. */
export async function readVisit(peer: RawPeer, ...said: string[]): Promise<Visit> {
  const [first, ...frames] = await peer.say(...said);
  if (!first?.startsWith('${"welcome"')) throw new Error(`No welcome, but ${first}`);
  const welcome = JSON.parse(first.slice(1)) as Welcome;
  return { peer, welcome, token: welcome.resume ?? "", frames };
}

/** Opens a socket with a token, and reads the welcome. */
export function visitAgain(
  app: Servable,
  clock: FakeClock,
  token: string,
  received: number,
  join?: JoinOptions,
): Promise<Visit> {
  return visit(app, clock, { ...join, protocols: toOffer(token, received) });
}

/** An app that notes what it hears; its service answers calls with what they were asked. */
export function createHearing(limits: Partial<Limits> = {}, options: PrismOptions = {}) {
  const stage = createStage({ ...options, limits: { heartbeat: 100_000_000, ...limits } });
  const heard: unknown[] = [];
  const handles: ConnectionHandle[] = [];
  const { service, host } = createOpen((given) => {
    given.onconnect((connection) => {
      handles.push(connection);
      heard.push("connect");
    });
    given.onreset(() => heard.push("reset"));
    given.ondisconnect(() => heard.push("disconnect"));
    given.onmessage((body) => heard.push(body));
    given.oncall((body) => body);
  });
  const app = prism(stage.options).service("it", service);
  for (const name of ["suspend", "resume"] as const) app.events.on(name, () => heard.push(name));
  const { clock } = stage;
  return {
    ...stage,
    app,
    heard,
    handles,
    host: host(),
    visit: (join?: JoinOptions) => visit(app, clock, join),
    again: (token: string, received: number, join?: JoinOptions) => visitAgain(app, clock, token, received, join),
    /** Opens one that answers its welcome. */
    join: async (join?: JoinOptions): Promise<Visit> => {
      const visited = await visit(app, clock, join);
      await visited.peer.say("%@");
      return visited;
    },
  };
}

/** Loses a socket, as a network does. */
export async function lose({ peer }: Pick<Visit, "peer">, code = 1006): Promise<void> {
  peer.socket.close(code);
  await peer.say();
}

/** What becomes of a promise, as far as is known. */
export function watch(promise: PromiseLike<unknown>): { value?: unknown; error?: unknown } {
  const seen: { value?: unknown; error?: unknown } = {};
  promise.then(
    (value) => (seen.value = value ?? "done"),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}
