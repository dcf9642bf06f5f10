/** An app and a module that uses its client, as source. */
export interface TypedApp {
  readonly name: string;
  readonly server: string;
  readonly client: string;
}

const GROUPS = 10;
const EACH = 20;
/** How many procedures each app has. */
export const PROCEDURES: number = GROUPS * EACH;

function times(count: number, write: (at: number) => string, between = "\n"): string {
  return Array.from({ length: count }, (_, at) => write(at)).join(between);
}

const schema = (at: number): string =>
  `v.object({ id: v.number(), name: v.string(), tags: v.array(v.string()), n${at}: v.optional(v.number()) })`;
const result = `({ id: input.id, name: input.name, at: new Date(), nested: { ok: true, list: [input.id] } })`;
const input = `{ id: 1, name: "a", tags: [] }`;

/** Each procedure is called once, and each member of its result is used. */
function writeClient(call: (group: number, at: number) => string, date: string): string {
  const use = (group: number) => (at: number) =>
    `  const r${at} = await ${call(group, at)};
  const at${at}: ${date} = r${at}.at;
  const name${at}: string = r${at}.name;
  console.log(at${at}, name${at}, r${at}.nested.list satisfies number[]);`;
  const functions = times(GROUPS, (group) => `export async function use${group}() {\n${times(EACH, use(group))}\n}`);
  return `import { client } from "./server.ts";\n${functions}\n`;
}

const valibot = `import * as v from "valibot";\n`;

/** What the schemas alone cost, and the types that come of them, which all of them use. */
export const schemas: TypedApp = {
  name: "the schemas alone",
  server: `${valibot}${times(PROCEDURES, (at) => `export const s${at} = ${schema(at % EACH)};`)}`,
  client: `${valibot}import * as schemas from "./server.ts";\n${times(
    PROCEDURES,
    (at) => `export const i${at}: v.InferInput<typeof schemas.s${at}> = ${input};
export const o${at}: v.InferOutput<typeof schemas.s${at}> = ${input};`,
  )}`,
};

/** The same procedures, with the same schemas, for each library. */
export const apps: readonly TypedApp[] = [
  {
    name: "Prism",
    server: `${valibot}import { prism } from "@prismrt/prism";
import { connect } from "@prismrt/prism/client";
import { rpc as half } from "@prismrt/prism/services/rpc/client";
import { procedure, rpc } from "@prismrt/prism/services/rpc";
${times(
  GROUPS,
  (group) =>
    `const g${group} = {\n${times(EACH, (at) => `  p${at}: procedure(${schema(at)}, (input) => ${result}),`)}\n};`,
)}
export const app = prism()${times(GROUPS, (group) => `.service("s${group}", rpc(g${group}))`, "")};
export type App = typeof app;
export const client = connect<App>("ws://localhost", { services: { ${times(GROUPS, (at) => `s${at}: half()`, ", ")} } });
`,
    client: writeClient((group, at) => `client.s${group}.p${at}(${input})`, "string"),
  },
  {
    name: "tRPC",
    server: `${valibot}import { initTRPC } from "@trpc/server";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
const t = initTRPC.create();
${times(
  GROUPS,
  (group) =>
    `const g${group} = t.router({\n${times(EACH, (at) => `  p${at}: t.procedure.input(${schema(at)}).query(({ input }) => ${result}),`)}\n});`,
)}
export const app = t.router({ ${times(GROUPS, (group) => `s${group}: g${group}`, ", ")} });
export type App = typeof app;
export const client = createTRPCClient<App>({ links: [wsLink({ client: createWSClient({ url: "ws://localhost" }) })] });
`,
    client: writeClient((group, at) => `client.s${group}.p${at}.query(${input})`, "string"),
  },
  {
    name: "oRPC",
    server: `${valibot}import { os, type RouterClient } from "@orpc/server";
import { createORPCClient } from "@orpc/client";
import { RPCLink } from "@orpc/client/websocket";
${times(
  GROUPS,
  (group) =>
    `const g${group} = {\n${times(EACH, (at) => `  p${at}: os.input(${schema(at)}).handler(({ input }) => ${result}),`)}\n};`,
)}
export const app = { ${times(GROUPS, (group) => `s${group}: g${group}`, ", ")} };
export type App = typeof app;
export const client: RouterClient<App> = createORPCClient(new RPCLink({ websocket: new WebSocket("ws://localhost") }));
`,
    // It keeps dates.
    client: writeClient((group, at) => `client.s${group}.p${at}(${input})`, "Date"),
  },
];
