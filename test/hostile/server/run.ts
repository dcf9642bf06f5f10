import { readFileSync, readdirSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createStorage } from "unstorage";
import redis from "unstorage/drivers/redis";
import type { Limits } from "../../../mod.ts";
import type { Servable } from "../../../src/server/admission.ts";
import { serverClock } from "../../../src/server/clock.ts";
import type { ServeOptions, Serving, TlsOptions } from "../../../src/server/serving.ts";
import { createApp } from "../../contract/app.ts";
import { BRIEF, IDLE, OLD_SECRET, SECRET } from "../secrets.ts";
import { Barriers, Notices, Remains, StallMeter } from "./controls.ts";
import { createDesk, type Observed } from "./desk.ts";
import { createDiary } from "./diary.ts";
import { createGate } from "./gate.ts";
import { FaultyDriver } from "./storage.ts";
import { createVault } from "./vault.ts";
import { createWild } from "./wild.ts";

/** What a test gives to a server, as JSON in its only argument. */
export interface RunOptions {
  readonly limits?: Partial<Limits>;
  /** Which apps are served, besides `desk`; all but `shared` where nothing is said. */
  readonly apps?: readonly AppName[];
  /** Where the sessions of the app `shared` are. */
  readonly redis?: string;
}

/** Where the apps are. */
export interface Ready {
  readonly ports: Readonly<Record<AppName | "desk", number>>;
}

const all = ["main", "vault", "fresh", "brief", "idle", "secure", "strict", "gate", "wild", "diary", "packed"] as const;
export type AppName = (typeof all)[number] | "shared";

/** How long the store may take, in ms. */
const TIMEOUT = 150;

/** How long a connection that has lost its socket is waited for, in ms. */
const RESUME_WITHIN = 300;

const read = (name: string): string => {
  return readFileSync(new URL(`../../adapters/fixtures/localhost.${name}.pem`, import.meta.url), "utf8");
};

export async function run(serve: (app: Servable, options: ServeOptions) => Promise<Serving>): Promise<void> {
  const { limits: given, apps = all, redis: url } = JSON.parse(process.argv[2] ?? "{}") as RunOptions;
  // Who breaks off is waited for, but not for as long as tests wait until nobody is left.
  const limits = { resumeWithin: RESUME_WITHIN, ...given };
  const runtime = globalThis as { gc?: () => void; Bun?: unknown };
  if (runtime.Bun === undefined) {
    setFlagsFromString("--expose-gc");
    runtime.gc ??= runInNewContext("gc") as () => void;
  }

  const notices = new Notices();
  const barriers = new Barriers();
  const remains = new Remains();
  const stalls = new StallMeter();
  const drivers = { vault: new FaultyDriver(), gate: new FaultyDriver() };
  drivers.gate.gate = () => barriers.pass("store");
  const counts = { admitted: 0, printed: 0 };
  // Jumps when it is told to, for everything that has a time of its own.
  const clock = { ...serverClock, now: () => serverClock.now() + skip, wall: () => serverClock.wall() + skip };
  let skip = 0;
  const admit = (): undefined => void counts.admitted++;
  const vault = { storage: createStorage({ driver: drivers.vault }), secret: [SECRET, OLD_SECRET], timeout: TIMEOUT };
  const large = { ...limits, packet: 4_194_304 };
  const secret = SECRET;

  const make: Record<AppName, () => Servable & Observed> = {
    main: () => createApp({ limits }),
    vault: () => createVault({ log: notices.of("vault"), limits: large, session: vault, clock, admit }),
    fresh: () => createVault({ log: notices.of("fresh"), limits, session: { ...vault, cache: false }, clock }),
    brief: () => createVault({ log: notices.of("brief"), limits, session: { secret, ttl: BRIEF } }),
    idle: () => createVault({ log: notices.of("idle"), limits, session: { secret, idle: IDLE } }),
    secure: () => createVault({ log: notices.of("secure"), limits, session: { secret } }),
    strict: () =>
      createVault({
        log: notices.of("strict"),
        limits,
        session: { secret },
        origins: { allow: ["same", "https://app.example"], required: true },
        admit,
      }),
    gate: () => {
      const session = { storage: createStorage({ driver: drivers.gate }), secret, timeout: 20_000 };
      // Its places are counted, so that nobody keeps one who has gone.
      const few = { ...limits, connections: 12, resumeWithin: 0 };
      return createGate({ log: notices.of("gate"), limits: few, session }, barriers);
    },
    // Its listeners throw as connections end, which is to be before the next row begins.
    wild: () => createWild({ log: notices.of("wild"), limits: { ...limits, resumeWithin: 0 } }, remains),
    diary: () =>
      createDiary({
        log: (entry) => {
          if (entry.level === "debug") return;
          counts.printed++;
          console.log(entry);
        },
        limits,
      }),
    packed: () => createVault({ log: notices.of("packed"), limits, session: { secret } }),
    shared: () =>
      createVault({
        log: notices.of("shared"),
        limits,
        session: { storage: createStorage({ driver: redis({ url: url!, base: "app" }) }), secret, timeout: 1_000 },
      }),
  };

  const hostname = "127.0.0.1";
  const tls: TlsOptions = { key: read("key"), cert: read("cert") };
  const served = new Map<string, Servable & Observed>(apps.map((name) => [name, make[name]()]));
  const desk = createDesk({
    served,
    drivers,
    barriers,
    remains,
    stalls,
    notices,
    counts,
    skip: (ms) => void (skip += ms),
    descriptors: () => readdirSync("/proc/self/fd").length,
  });
  const special = new Map<string, object>([
    ["secure", { tls }],
    ["packed", { compression: true }],
  ]);
  const servers = new Map<string, Serving>();
  for (const [name, app] of [...served, ["desk", desk] as const]) {
    servers.set(name, await serve(app, { port: 0, hostname, ...special.get(name) }));
  }
  stalls.start();
  console.log(`ready ${JSON.stringify({ ports: Object.fromEntries([...servers].map(([n, { port }]) => [n, port])) })}`);
  createInterface({ input: process.stdin }).on("line", (line) => console.log(line));
}
