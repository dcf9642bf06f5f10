// Installs what the tests need beyond `npm install`, or says what is missing; quick when all is there.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { install } from "../bench/harness/install.ts";
import { chromiumPath } from "../test/support/chromium.ts";
import { haproxyPath } from "../test/support/haproxy.ts";
import { natsServerPath } from "../test/support/nats.ts";
import { nginxPath } from "../test/support/nginx.ts";
import { redisServerPath } from "../test/support/redis.ts";
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

/** Has packages start no services of theirs, for as long as this runs: tests start their own. */
function refuseServices(): void {
  // Debian's invoke-rc.d asks it before anything is started; 101 is no. Containers have one that always says so.
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return;
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  process.once("exit", () => rmSync(policy, { force: true }));
}

function isDebian(): boolean {
  return existsSync("/etc/os-release") && /^ID="?debian"?$/m.test(readFileSync("/etc/os-release", "utf8"));
}

// Another Node, and what the benches compare with: `npm test` runs each of them once, as small as can be.
install();

// What the tests need of the system. Of Debian's Redis packages redis-tools has the server, and no service that starts.
const programs = [
  { what: "browser", path: chromiumPath, variable: "CHROMIUM_PATH", named: "Chromium or Chrome", debian: "chromium" },
  { what: "Redis", path: redisServerPath, variable: "REDIS_SERVER_PATH", named: "redis-server", debian: "redis-tools" },
  { what: "HAProxy", path: haproxyPath, variable: "HAPROXY_PATH", named: "haproxy", debian: "haproxy" },
  { what: "Nginx", path: nginxPath, variable: "NGINX_PATH", named: "nginx", debian: "nginx" },
  { what: "NATS", path: natsServerPath, variable: "NATS_SERVER_PATH", named: "nats-server", debian: "nats-server" },
];
const missing = programs.filter(({ path }) => !existsSync(path));
const installable = missing.filter(({ variable }) => !process.env[variable]).map(({ debian }) => debian);

if (installable.length > 0 && isDebian() && process.getuid?.() === 0) {
  refuseServices();
  run("apt-get", ["update"]);
  run("apt-get", ["install", "-y", "--no-install-recommends", ...installable]);
}
for (const { what, path, variable, named, debian } of missing) {
  if (existsSync(path)) continue;
  fail(
    `No ${what} at ${path}, and the tests that need it are not skipped. Install it (on Debian: apt-get install ` +
      `${debian}), or set ${variable} to where ${named} is`,
  );
}

console.log(
  "setup:",
  runtimeVersions()
    .map(({ name, version }) => `${name} ${version}`)
    .join(", "),
  `with ${programs.map(({ path }) => path).join(", ")}`,
);
