// The app of the rows about channels: some that keep history, some that do not, and sessions that nodes share.
import { Redis } from "ioredis";
import { createStorage } from "unstorage";
import redisDriver from "unstorage/drivers/redis";
import * as v from "valibot";
import { type BrokerSource, type Limits, prism } from "../../../../mod.ts";
import { redis } from "../../../../src/broker/redis.ts";
import { rateLimit } from "../../../../src/middleware/rate-limit.ts";
import { procedure, rpc } from "../../../../src/services/rpc/server.ts";
import { channel, pubsub } from "../../../../src/services/pubsub/server.ts";
import { createRandom } from "../../../../src/testing/random.ts";
import { type Faults, Shim } from "../../../broker/shim.ts";
import { SECRET } from "../../../hostile/secrets.ts";

/** What decides about an app. */
export interface HallsOptions {
  /** The node's name. */
  readonly name: string;
  /** The Redis of the broker, of sessions and of what is handed over. */
  readonly redis: string;
  readonly limits?: Partial<Limits>;
  /** What the broker is given: see `redis`. */
  readonly broker?: { readonly lease?: number; readonly patience?: number; readonly queue?: number };
  /** What goes wrong between the broker and the app, by a seed. */
  readonly shim?: { readonly seed: number; readonly faults: Partial<Faults> };
}

interface Shape {
  state: { name: string };
  session: { name?: string };
}

/** How much `kept` channels keep: more than is published in any row. */
export const KEPT = { size: 10_000, ttl: 3_600_000 };
/** How much `brief` ones keep. */
export const BRIEF = { size: 20, ttl: 3_600_000 };

/** How fast the limited ones may ask. */
export const RATE = { rate: 10, burst: 50 };

/** Makes the app, and tells how much has come twice, and late. */
export function createHalls({ name, redis: url, limits, broker: waits = {}, shim }: HallsOptions) {
  const client = new Redis(url);
  // It comes back by itself; what fails meanwhile says so where it was asked for.
  client.on("error", () => {});
  const engine = redis(client, waits);
  const broker: BrokerSource =
    shim === undefined
      ? engine
      : {
          open(clock) {
            const own = new Shim(engine.open(clock), clock, createRandom(shim.seed), shim.faults);
            faults = () => own.done;
            return own;
          },
        };
  let faults = (): { readonly twice: number; readonly late: number } => ({ twice: 0, late: 0 });
  const shared = (base: string) => createStorage({ driver: redisDriver({ url, base }) });
  const text = { message: v.string(), input: v.string(), publish: (given: string): string => given };
  const open = { ...text, subscribe: true } as const;
  const app = prism<Shape>({
    limits,
    broker,
    handover: shared("handover"),
    session: { storage: shared("session"), secret: SECRET, timeout: 3_000 },
    admit: (request) => ({ state: { name: request.headers.get("x-name") ?? "" } }),
  })
    .service(
      "rooms",
      pubsub(
        {
          "kept/:room": channel.with<Shape>()({
            ...open,
            presence: ({ connection }) => ({ id: connection.state.name }),
            history: KEPT,
          }),
          "brief/:room": channel({ ...open, history: BRIEF }),
          "plain/:room": channel(open),
        },
        { user: (who) => (who as unknown as { connection: { state: Shape["state"] } }).connection.state.name },
      ),
    )
    // Only who says that they are to be limited.
    .use(
      "rooms",
      rateLimit({ by: ({ connection }) => (connection.state.name === "limited" ? connection.id : undefined), ...RATE }),
    )
    .service(
      "calls",
      rpc({
        /** For the bystander. */
        echo: procedure(v.unknown(), (value) => value),
        /** Takes its time, as calls do that are under way while a node is killed. */
        slow: procedure(v.number(), (ms) => new Promise((resolve) => setTimeout(resolve, ms, name))),
        /** Has the server publish. */
        post: procedure(v.tuple([v.string(), v.string()]), async ([to, message]) => {
          await app.services.rooms.publish(to as `kept/${string}`, message);
        }),
      }),
    )
    .service(
      "account",
      rpc({
        me: procedure.with<Shape>()(({ session }) => ({ id: session.id, data: session.data })),
        login: procedure.with<Shape>()(v.string(), async (who, { session }) => {
          session.data.name = who;
          await session.regenerate();
          return session.id;
        }),
        logout: procedure.with<Shape>()(({ session }) => session.destroy()),
      }),
    );
  return { app, faults: () => faults() };
}

export type Halls = ReturnType<typeof createHalls>["app"];
