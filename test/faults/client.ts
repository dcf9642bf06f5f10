/** The load: connections that send and take numbered messages, in a process of their own that answers commands. */
import { setPriority } from "node:os";
import process from "node:process";
import { answerCommands, type Comparison, Watch } from "./commands.ts";
import { Customer, type CustomerOptions, type Tally } from "./customer.ts";
import { Ledger, type Page, reconcile, type Totals } from "./ledger.ts";
import { collect, exposeCollector, jump } from "./process.ts";

/** What a test gives to a load, as JSON in its only argument. */
export interface LoadOptions extends CustomerOptions {
  readonly connections: number;
  /** Whether all go in at once; else 50 at a time. */
  readonly storm?: boolean;
}

/** How a load is doing; each can be waited for. */
export interface LoadState extends Tally {
  /** Connections that are open now. */
  readonly open: number;
  /** Those that have sent and received all. */
  readonly done: number;
}

/** How it went. */
export interface LoadReport extends LoadState {
  /** Of the lives that came to their end. */
  readonly totals: Totals;
  /** What this end knows of lives that a reset has ended: what was lost there was told. */
  readonly told: Page;
  /** The longest time between two messages on any connection, to the client and to the server, in ms. */
  readonly gaps: { readonly down: number; readonly up: number };
  /** For how long connections had no socket, in ms, in order. */
  readonly outages: readonly number[];
  /** On how many nodes a connection was, at most. */
  readonly nodes: number;
  readonly seconds: number;
  readonly errors: readonly string[];
}

/** How many go in at a time. */
const AT_A_TIME = 50;

const options = JSON.parse(process.argv[2]!) as LoadOptions;
exposeCollector();
// What is measured is how the server takes a storm, not whose turn it is at the processor.
if (options.storm) setPriority(10);
const ledger = new Ledger();
const tally: Tally = { sent: 0, received: 0, suspended: 0, resumed: 0, reset: 0, closed: 0, failed: 0 };
const errors: string[] = [];
process.on("unhandledRejection", (error) => void errors.push(`Unhandled: ${String(error)}`));

const customers: Customer[] = [];
const state = (): LoadState => ({
  ...tally,
  open: customers.filter(({ status }) => status === "open").length,
  done: customers.filter(({ done }) => done).length,
});
const watch = new Watch(state);
const started = performance.now();
const atATime = options.storm ? options.connections : AT_A_TIME;
for (let i = 0; i < options.connections; i += atATime) {
  const some = Array.from({ length: Math.min(atATime, options.connections - i) }, (_, j) => {
    return new Customer(`${options.name}${i + j}`, options, { ledger, tally, errors, poke: () => watch.poke() });
  });
  customers.push(...some);
  await Promise.all(some.map((customer) => customer.opened));
}
const seconds = (since: number): number => Math.round((performance.now() - since) / 10) / 100;
const opening = seconds(started);

async function finish(): Promise<LoadReport> {
  const before = state();
  const took = seconds(started) - opening;
  const closings = await Promise.all(customers.map((customer) => customer.finish()));
  const ours = customers.flatMap(({ channels }) => channels);
  const totals = reconcile([ledger.tear(ours), ...closings.flatMap((closing) => closing?.page ?? [])]);
  return {
    ...before,
    totals,
    told: ledger.page(),
    gaps: {
      down: Math.round(Math.max(0, ...customers.map(({ gap }) => gap))),
      up: Math.round(Math.max(0, ...closings.map((closing) => closing?.gap ?? 0))),
    },
    outages: customers.flatMap(({ outages }) => outages).toSorted((a, b) => a - b),
    nodes: Math.max(0, ...closings.map((closing) => closing?.nodes ?? 0)),
    seconds: took,
    errors: errors.slice(0, 20),
  };
}

answerCommands({
  state,
  until: (what = "", how = "=", value = "0", ms = "0") =>
    watch.until(what, how as Comparison, Number(value), Number(ms)),
  finish,
  memory: collect,
  jump: (ms) => jump(Number(ms)),
  /** What befell them, in order of time. */
  events: () => customers.flatMap((customer) => customer.events.splice(0)).toSorted((a, b) => a.at - b.at),
  sessions: () => Promise.all(customers.map((customer) => customer.session())),
  slow: (ms) => Promise.all(customers.map((customer) => customer.slow(Number(ms)))),
  end: () => {
    for (const customer of customers) customer.close();
    process.stdin.destroy();
  },
});
console.log(`ready ${JSON.stringify({ seconds: opening })}`);
