import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyFolder, install, packLibrary, removeFolders, tool } from "../support/packing.ts";
import { freePort } from "../support/ports.ts";
import { root, type RuntimeName, runtimeNames, spawnRuntime } from "../support/runtimes.ts";

/* The code of the README and the guides, as it stands there, in a folder that has the packed library installed and nothing else. */

const mains: Record<RuntimeName, string> = {
  node20: "main.node.ts",
  nodeCurrent: "main.node.ts",
  bun: "main.bun.ts",
  deno: "main.deno.ts",
};

/** What uses the blocks that only give an app. */
const users = {
  "called-again.js": `
    import { connectInMemory, createNetwork } from "@prismrt/prism/testing";
    import { rpc } from "@prismrt/prism/services/rpc/client";
    import { app } from "./idempotent.ts";
    const setTimer = (run, ms) => {
      const timer = setTimeout(run, ms);
      return { cancel: () => clearTimeout(timer) };
    };
    const afterTurn = (run) => void setTimeout(run, 0);
    const clock = { now: () => performance.now(), setTimer, afterTurn, random: Math.random };
    const network = createNetwork({ clock });
    const options = { services: { names: rpc() }, network, reconnect: { min: 1, max: 1 } };
    const client = connectInMemory(app, options);
    await client.names.set({ id: 1, name: "Ada" });
    network.lines[0].cut();
    await new Promise((resolve) => client.connection.on("resumed", resolve));
    console.log(await client.names.count());
    client.connection.close();
    await app.close();`,
  "scaled.js": `
    import { createStorage } from "unstorage";
    import { memory } from "@prismrt/prism";
    import { pubsub } from "@prismrt/prism/services/pubsub/client";
    import { connectInMemory } from "@prismrt/prism/testing";
    import { createApp } from "./scaled.ts";
    const shared = { broker: memory(), storage: createStorage() };
    const [one, other] = [createApp(shared), createApp(shared)];
    const client = connectInMemory(one, { services: { rooms: pubsub() } });
    const news = client.rooms.channel("news");
    news.on((text) => console.log(text));
    await news.subscribe();
    await other.services.rooms.publish("news", "From the other server");
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.connection.close();
    await one.close();
    await other.close();`,
  "deployed.js": `
    import { createStorage } from "unstorage";
    import { connectInMemory } from "@prismrt/prism/testing";
    import { createApp } from "./handover.ts";
    const storage = createStorage();
    const [old, next] = [createApp(storage), createApp(storage)];
    let serving = old;
    const here = { ...old, admit: (...args) => serving.admit(...args), fetch: (...args) => serving.fetch(...args) };
    const counter = { kind: "counter", codec: "json", client: (host) => host };
    const client = connectInMemory(here, { services: { counter }, reconnect: { min: 1, max: 1 } });
    client.counter.onmessage((count) => console.log("counted", count));
    client.connection.on("resumed", () => console.log("resumed"));
    client.connection.on("reset", () => console.log("reset"));
    await client.connection.opened;
    client.counter.send(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    serving = next;
    await old.drain({ within: 1000 });
    client.counter.send(1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    client.connection.close();
    await next.close();`,
};

/** The code blocks that begin with a comment that names their file. */
function blocksOf(text: string): Map<string, string> {
  const blocks = [...text.matchAll(/^```ts\n(\/\/ ([\w.]+\.ts)\b[^]*?)^```/gm)];
  return new Map(blocks.map(([, code, file]) => [file!, code!]));
}

describe("the README's code", () => {
  const folder = emptyFolder("readme");
  let library = "";
  let port = 0;

  beforeAll(async () => {
    const guides = readdirSync(`${root}docs`).filter((file) => file.endsWith(".md"));
    expect(guides).toEqual(expect.arrayContaining(["pubsub.md", "security.md", "testing.md"]));
    const pages = ["README.md", ...guides.map((file) => `docs/${file}`)];
    const readme = pages.map((file) => readFileSync(root + file, "utf8")).join("\n");
    const blocks = blocksOf(readme);
    // Whatever is TypeScript there is named, and so run here.
    expect(readme.match(/^```ts$/gm)).toHaveLength(blocks.size);
    port = await freePort();
    for (const [file, code] of blocks) writeFileSync(join(folder, file), code.replaceAll("3000", String(port)));
    for (const [file, code] of Object.entries(users)) writeFileSync(join(folder, file), code);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const compilerOptions = {
      allowImportingTsExtensions: true,
      lib: ["es2023", "dom"],
      module: "nodenext",
      noEmit: true,
      strict: true,
      target: "es2023",
      types: ["node"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    library = packLibrary();
    install(folder, [library, "valibot", "unstorage", "acorn", "eslint-scope"]);
  }, 240_000);

  afterAll(removeFolders);

  test("type-checks", () => {
    expect(tool(folder, "tsc", ["-p", ".", "--typeRoots", `${root}node_modules/@types`])).toBe("");
  });

  test.each(runtimeNames)("serves on %s, to clients on each runtime", async (name) => {
    const server = spawnRuntime(name, join(folder, mains[name]), [], {}, folder);
    await server.line(`Listening on http://localhost:${port}`);
    for (const other of runtimeNames) {
      const client = spawnRuntime(other, join(folder, "client.ts"), [], {}, folder);
      await client.line("3");
      for (const line of ["0", "1", "2", "done", "6", "Nothing is divided by 0", "closed"]) await client.line(line);
      expect(await client.exited, client.errors()).toBe(0);
    }
    await server.stop();
  });

  test.each(["node20", "nodeCurrent"] as const)("attaches to a server of one's own on %s", async (name) => {
    const server = spawnRuntime(name, join(folder, "attach.ts"), [], {}, folder);
    await server.line("Attached");
    const client = spawnRuntime(name, join(folder, "client.ts"), [], {}, folder);
    await client.line("3");
    expect(await client.exited, client.errors()).toBe(0);
    expect(await (await fetch(`http://localhost:${port}/`)).text()).toBe("A page of your own");
    expect(await (await fetch(`http://localhost:${port}/prism/health`)).json()).toMatchObject({ status: "ok" });
    await server.stop();
  });

  test.each([
    ["ui.ts", "removed"],
    ["guard.ts", "Ada"],
    ["clock.test.ts", "passed"],
    ["session.ts", "Hello Ada"],
    ["token.ts", "robot"],
    ["limited.ts", "Later: {"],
    ["deployed.js", "counted 1", "resumed", "counted 2"],
    ["called-again.js", "Away", "Back", "1", "Gone"],
    ["proxy.ts", "true", "__Host-prism.sid="],
    ["slow.test.ts", "passed"],
    ["cut.test.ts", "passed"],
    ["silent.test.ts", "passed"],
    ["seeds.test.ts", "passed"],
    ["chat.ts", "Hello", "Welcome", "2"],
    ["scaled.js", "From the other server"],
    ["rooms.test.ts", "passed"],
    ["missed.test.ts", "passed"],
    ["who.test.ts", "passed"],
    ["events.test.ts", "passed"],
  ])("%s says what it promises, on each runtime", async (file, ...promised) => {
    for (const name of runtimeNames) {
      const child = spawnRuntime(name, join(folder, file), [], {}, folder);
      for (const line of promised) await child.line(line);
      expect(await child.exited, child.errors()).toBe(0);
    }
  });
});
