import { createStorage } from "unstorage";
import type { SessionBus, SessionChange } from "../../src/session/bus.ts";
import type { LiveSession, SessionEnd, SessionHolder } from "../../src/session/live-session.ts";
import { toSessionLimits, type SessionOptions } from "../../src/session/options.ts";
import { PatientStore } from "../../src/session/patient-store.ts";
import { SessionRecords } from "../../src/session/session-records.ts";
import type { SessionRecord, SessionStore } from "../../src/session/session-store.ts";
import { SessionTime } from "../../src/session/session-time.ts";
import { SessionWatch } from "../../src/session/session-watch.ts";
import { Sessions } from "../../src/session/sessions.ts";
import { createUnstorageStore } from "../../src/session/unstorage-store.ts";
import { isPrismError } from "../../src/wire/errors.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

/** What goes wrong with one operation: whether the store fails or says nothing, and whether it has done it by then. */
export const faults = ["fails before", "fails after", "hangs before", "hangs after"] as const;
/** One of them, or an operation that takes effect only once nobody waits for it any more. */
export type Fault = (typeof faults)[number] | "comes late";

/** A store with which the n-th operation goes wrong. */
export class FaultyStore implements SessionStore {
  readonly atomic = true;
  readonly shared = true;
  expires = true;
  /** Operations since the last plan, and since ever. */
  operations = 0;
  reads = 0;
  writes = 0;
  /** Operations that never settle. */
  hanging = 0;
  /** Whether everything fails. */
  down = false;
  readonly inner: SessionStore;
  #at = 0;
  #fault: Fault | undefined;
  #late: (() => Promise<unknown>)[] = [];

  constructor(inner: SessionStore = createUnstorageStore(createStorage())) {
    this.inner = inner;
  }

  /** Has the n-th operation from now go wrong. */
  plan(at: number, fault: Fault): void {
    this.operations = 0;
    this.#at = at;
    this.#fault = fault;
  }

  /** Heals it, and says whether the planned fault had its turn. */
  heal(): boolean {
    const struck = this.#fault !== undefined && this.operations >= this.#at;
    this.#fault = undefined;
    this.hanging = 0;
    this.down = false;
    return struck;
  }

  /** Does what has hung. */
  async late(): Promise<void> {
    for (const run of this.#late.splice(0)) await run();
  }

  read(id: string): Promise<SessionRecord | undefined> {
    this.reads++;
    return this.#do(() => this.inner.read(id));
  }

  write(id: string, record: SessionRecord | undefined, expected: number, ttl: number): Promise<boolean> {
    this.writes++;
    return this.#do(() => this.inner.write(id, record, expected, ttl));
  }

  async ids(): Promise<string[]> {
    const ids: string[] = [];
    for await (const id of await this.inner.ids()) ids.push(id);
    return ids;
  }

  async #do<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.down) throw new Error("Down");
    const fault = ++this.operations === this.#at ? this.#fault : undefined;
    if (fault === undefined) return run();
    if (fault.endsWith("after")) await run();
    if (fault === "comes late") this.#late.push(run);
    if (fault.startsWith("fails")) throw new Error("Connection lost");
    this.hanging++;
    return new Promise(() => {});
  }
}

/** Somebody who has a session. */
export class Holder implements SessionHolder {
  activity = 0;
  readonly ends: [end: SessionEnd, own: boolean][] = [];

  ended(end: SessionEnd, own: boolean): void {
    this.ends.push([end, own]);
  }
}

/** One server's sessions. */
export interface TestServer {
  readonly sessions: Sessions;
  readonly watch: SessionWatch;
  readonly time: SessionTime;
  /** What the log hears of the store. */
  readonly told: string[];
}

/** When the clocks of the tests began, in ms since 1970. */
export const START = Date.UTC(2025, 0, 2, 3, 4, 5);

/** Makes a server over a store. */
export function createServer(
  store: SessionStore,
  clock: FakeClock,
  options: SessionOptions = {},
  bus?: SessionBus,
): TestServer {
  const limits = toSessionLimits(options);
  const told: string[] = [];
  const time = new SessionTime(clock, START + clock.now(), limits);
  const patient = new PatientStore(store, clock, limits.timeout, (message) => void told.push(message));
  const records = new SessionRecords(patient, time);
  const sessions = new Sessions(records, time, bus);
  return { sessions, time, told, watch: new SessionWatch(sessions, records, store) };
}

/** Servers' buses that are joined. */
export function joinBuses(count: number): SessionBus[] {
  const listeners: ((change: SessionChange) => void)[][] = Array.from({ length: count }, () => []);
  return listeners.map((own) => ({
    publish: (change) => {
      for (const others of listeners) if (others !== own) for (const listener of others) listener(change);
    },
    subscribe: (listener) => void own.push(listener),
  }));
}

/** Where nothing is known of a session, fails. */
export function expectLive(live: LiveSession | "dead" | "moving"): LiveSession {
  if (typeof live === "string") throw new Error(`The session is ${live}`);
  return live;
}

/** What became of something: a value, or a code. */
export type Outcome<Value> = { readonly value: Value; readonly code?: undefined } | { readonly code: string };

/** Waits for something, with as much time gone by as the store's deadlines take. Fails where it hangs. */
export async function finish<Value>(
  promise: Promise<Value>,
  clock: FakeClock,
  store: FaultyStore,
): Promise<Outcome<Value>> {
  const seen: { outcome?: Outcome<Value> } = {};
  promise.then(
    (value) => (seen.outcome = { value }),
    (error: unknown) => (seen.outcome = { code: isPrismError(error) ? error.code : String(error) }),
  );
  const until = performance.now() + 10_000;
  while (seen.outcome === undefined) {
    await clock.settle();
    if (store.hanging > 0 && seen.outcome === undefined) {
      store.hanging = 0;
      await clock.advance(3_000);
    }
    // Hashes take real time, though not as much.
    if (performance.now() > until) throw new Error("Hangs");
  }
  return seen.outcome;
}

/** What a server that knows nothing yet sees of an id. */
export async function look(store: FaultyStore, clock: FakeClock, id: string): Promise<unknown> {
  const { sessions } = createServer(store, clock);
  const live = await sessions.open(id, new Holder());
  return typeof live === "string" ? live : live.data;
}

/** The ids of all records that are alive, whoever knows them. */
export async function aliveIds(store: FaultyStore): Promise<string[]> {
  const alive: string[] = [];
  for (const id of await store.ids()) if ((await store.inner.read(id))?.dead === undefined) alive.push(id);
  return alive;
}
