// Installs what the tests need beyond `npm install`, or says what is missing; quick when all is there.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromiumPath } from "../test/support/chromium.ts";
import { runtimeVersions } from "../test/support/runtimes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(command: string, args: string[], cwd = root): void {
  console.log(`$ ${command} ${args.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: "inherit" });
  if (status !== 0) fail(`${command} failed${error ? `: ${error.message}` : ` with status ${status}`}`);
}

function fail(message: string): never {
  console.error(`\nsetup: ${message}`);
  process.exit(1);
}

function isDebian(): boolean {
  return existsSync("/etc/os-release") && /^ID="?debian"?$/m.test(readFileSync("/etc/os-release", "utf8"));
}

if (!existsSync(`${root}test/runtimes/node_modules/node/bin/node`)) {
  run("npm", ["ci"], `${root}test/runtimes`);
}

if (!existsSync(chromiumPath) && isDebian() && process.getuid?.() === 0 && !process.env["CHROMIUM_PATH"]) {
  run("apt-get", ["update"]);
  run("apt-get", ["install", "-y", "--no-install-recommends", "chromium"]);
}
if (!existsSync(chromiumPath)) {
  fail(
    `No browser at ${chromiumPath}, and the tests that need one are not skipped. Install Chromium ` +
      "(on Debian: apt-get install chromium), or set CHROMIUM_PATH to where Chromium or Chrome is",
  );
}

console.log(
  "setup:",
  runtimeVersions()
    .map(({ name, version }) => `${name} ${version}`)
    .join(", "),
  `and ${chromiumPath}`,
);
