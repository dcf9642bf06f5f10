/*
 * Calls of procedures that give back what they are given, checked by a schema as an app would have it. Arguments:
 * `session`, for handlers that look at their session, which is in the cache; `session=stored`, where it is read for each
 * call; `resumeWithin=0`, for connections that end with their sockets; `both`, for an app of each kind, that with resuming
 * first.
 */
import process from "node:process";
import * as v from "valibot";
import { prism } from "../../mod.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { Echo, List } from "../systems/schemas.ts";
import { ready } from "./ready.ts";
import { serve } from "./serve.ts";

interface Shape {
  session: { user?: string };
}

const args = process.argv.slice(2);
const stored = args.includes("session=stored");
const secret = "a secret that only this bench needs to know";
const session = stored || args.includes("session") ? { secret, cache: !stored } : false;

const user = procedure.with<Shape>();

/** Their places in this order are what the dialect says: see bench/systems/prism.ts. */
const plain = rpc({
  echo: procedure(Echo, (value) => value),
  list: procedure(List, (value) => value),
  bytes: procedure(v.instance(Uint8Array), (value) => value),
});
const withSession = rpc({
  echo: user(Echo, (value, { session }) => {
    if (session.data.user !== "Ada") throw new Error("Nobody signed in");
    return value;
  }),
  login: user(async ({ session }) => {
    session.data.user = "Ada";
    await session.save();
  }),
});

interface Limits {
  readonly resumeWithin?: number;
}

const begin = (limits: Limits) => prism<Shape>({ session, limits: { ...limits, connectionsPerAddress: 100_000 } });
const createPlain = (limits: Limits) => begin(limits).service("bench", plain);
const createSigned = (limits: Limits) => begin(limits).service("bench", withSession);
const create = session === false ? createPlain : createSigned;

/** What clients call. */
export type BenchApp = ReturnType<typeof createPlain>;

const { port } = await serve(create(args.includes("resumeWithin=0") ? { resumeWithin: 0 } : {}));
const others = args.includes("both") ? [(await serve(create({ resumeWithin: 0 }))).port] : [];
ready(port, ...others);
