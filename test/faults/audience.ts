/** The load of the rows about channels: connections that subscribe and publish, in a process that answers commands. */
import process from "node:process";
import { isPrismError } from "../../mod.ts";
import { type ChannelTotals, dues, type Hearing, judge, type Stream } from "./channel-ledger.ts";
import { answerCommands, type Comparison, Watch } from "./commands.ts";
import { type AudienceTally, Listener, type Lobby, toTally } from "./listener.ts";
import { collect, exposeCollector } from "./process.ts";
import { Speaker, type Speech } from "./speaker.ts";

/** What a test gives to an audience, as JSON in its only argument. */
export interface AudienceOptions {
  readonly url: string;
  /** What their names begin with. */
  readonly name: string;
  readonly listeners: number;
  /** What each of them is subscribed to. */
  readonly channels: readonly string[];
  /** Who publishes, each over a connection of its own, from when all are subscribed. */
  readonly speeches: readonly Speech[];
}

/** How an audience is doing; each can be waited for. */
export interface AudienceState extends AudienceTally {
  /** Connections that are open now. */
  readonly open: number;
}

/** How it went. */
export interface AudienceReport extends AudienceState {
  /** Of channels with history, and of those without. */
  readonly kept: ChannelTotals;
  readonly plain: ChannelTotals;
  /** Of each channel. */
  readonly channels: Readonly<Record<string, ChannelTotals>>;
  /** Publications that failed, by their codes. */
  readonly codes: Readonly<Record<string, number>>;
  /** For how long connections had no socket, in ms, in order. */
  readonly outages: readonly number[];
  readonly errors: readonly string[];
}

/** What publishers know whom the audience does not: by the names of streams. */
export type Streams = Readonly<Record<string, Stream>>;

const options = JSON.parse(process.argv[2]!) as AudienceOptions;
exposeCollector();
const { url, name } = options;
const errors: string[] = [];
process.on("unhandledRejection", (error) => void errors.push(`Unhandled: ${String(error)}`));
const streams = new Map<string, Stream>();
const codes = new Map<string, number>();
const tally = toTally();
const lobby: Lobby = { tally, errors, outages: [], poke: () => watch.poke() };
const clients = (): readonly Listener["client"][] => [...listeners, ...speakers].map(({ client }) => client);
const state = (): AudienceState => ({
  ...tally,
  open: clients().filter(({ connection }) => connection.status === "open").length,
});
const watch = new Watch(state);
const listeners = Array.from({ length: options.listeners }, (_, i) => new Listener(url, `${name}${i}`, lobby));
const speakers = options.speeches.map((speech, i) => {
  return new Speaker(url, `${name}s${i}`, speech, lobby, streams, codes);
});
await Promise.all(clients().map(({ connection }) => connection.opened));
await Promise.all(listeners.map((listener) => listener.subscribe(options.channels)));
for (const speaker of speakers) speaker.start();

const hearings = (): Hearing[] => listeners.flatMap((listener) => listener.hearings);

/** After how long without anything that is due the rest is lost, in ms; and for how long what comes twice is waited for. */
const [ENOUGH, STRAYS] = [10_000, 500];

/** Resolves when all that is due was heard, or not for too long. */
async function settle(due: () => Map<string, Stream>): Promise<void> {
  const began = performance.now();
  for (;;) {
    const all = [...due()];
    const missing = hearings().some((hearing) =>
      all.some(([of, { channel, acknowledged }]) => channel === hearing.channel && !hearing.has(of, acknowledged)),
    );
    if (!missing || performance.now() - began > ENOUGH) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, STRAYS));
}

async function finish(others: string): Promise<AudienceReport> {
  await Promise.all(speakers.map((speaker) => speaker.stop()));
  const given = Object.entries(JSON.parse(decodeURIComponent(others)) as Streams);
  const due = (): Map<string, Stream> => dues(new Map([...streams, ...given]), hearings());
  await settle(due);
  const judged = (kept: boolean): ChannelTotals =>
    judge(
      due(),
      hearings().filter((one) => one.kept === kept),
    );
  const channel = (name: string): ChannelTotals =>
    judge(
      due(),
      hearings().filter((one) => one.channel === name),
    );
  return {
    ...state(),
    channels: Object.fromEntries(options.channels.map((name) => [name, channel(name)])),
    kept: judged(true),
    plain: judged(false),
    codes: Object.fromEntries(codes),
    outages: lobby.outages.toSorted((a, b) => a - b),
    errors: errors.slice(0, 20),
  };
}

/** What a failure is called. */
function toCode(error: unknown): string {
  return isPrismError(error) ? error.code : String(error);
}

answerCommands({
  state,
  until: (what = "", how = "=", value = "0", ms = "0") =>
    watch.until(what, how as Comparison, Number(value), Number(ms)),
  /** Nobody publishes any more: what they know. */
  async hush(): Promise<Streams> {
    await Promise.all(speakers.map((speaker) => speaker.stop()));
    return Object.fromEntries(streams);
  },
  speak: () => {
    for (const speaker of speakers) speaker.start();
  },
  /** Ends what is published, and tells how it went; `others` are the streams of others. */
  finish: (others = "%7B%7D") => finish(others),
  memory: collect,
  /** Each makes a call that takes its time: where it ended, or with which code it failed. */
  slow: (ms) => Promise.all(clients().map(({ calls }) => Promise.resolve(calls.slow(Number(ms))).then(String, toCode))),
  /** Who is subscribed. */
  names: () => listeners.map((_, i) => `${name}${i}`).toSorted(),
});
console.log("ready {}");
