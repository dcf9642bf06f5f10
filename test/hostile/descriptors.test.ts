// Row 27: no file descriptor is left. Servers of their own, since nobody else would get in.
import { describe, expect, onTestFinished, test } from "vitest";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { runtimeNames } from "../support/runtimes.ts";
import { Enemy } from "./enemy.ts";
import { platforms } from "./platforms.ts";
import type { Ready } from "./server/run.ts";
import { openDesk, startServer } from "./stage.ts";
import { type Guest, Visitor } from "./visitor.ts";

/** How many descriptors a server has, itself included; the largest needs 40 of them. */
const MOST = 96;

/** How many clients want to come in; they stay within the backlog of a listening socket. */
const CROWD = 150;

/** In ms. */
const PROMPT = 500;

/** Guards against a failed `accept` that ends the process, or keeps it busy, or the others waiting. */
describe.each(runtimeNames)("row 27: file descriptors exhausted, on %s", (name) => {
  const platform = platforms[name];

  test("new clients are turned away, or wait; old ones are served; and all is well again afterwards", async () => {
    const server = startServer(name, { apps: ["vault"] }, MOST);
    const crowd: Enemy[] = [];
    onTestFinished(async () => {
      for (const { tcp } of crowd) tcp.destroy();
      await server.stop();
    });
    const { ports } = await server.ready<Ready>();
    const { desk, close } = openDesk(ports.desk);
    onTestFinished(close);
    const visitor = new Visitor(ports.vault);
    await visitor.http("POST", "/login", "Ada");
    const guest = await visitor.enter();
    onTestFinished(() => void guest.tcp.destroy());

    const expectServed = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const started = performance.now();
        expect(await guest.ask("account.me")).toMatchObject({ data: { name: "Ada" } });
        expect(performance.now() - started).toBeLessThan(PROMPT);
      }
    };

    const request = upgradeRequest({ target: "/prism", headers: ["Sec-WebSocket-Protocol: prism.1"] });
    const statuses: number[] = [];
    for (let i = 0; i < CROWD; i++) {
      const enemy = new Enemy(ports.vault, request);
      void enemy.status.then((status) => statuses.push(status));
      crowd.push(enemy);
    }
    const count = (status: number): number => statuses.filter((one) => one === status).length;
    // Those who are in, and those who are turned away where anybody is, are as many as there will be.
    const turned = platform.turnsAwayWithoutDescriptors;
    await expect
      .poll(() => (turned ? statuses.length : count(101)), { timeout: 2_500 })
      .toBeGreaterThan(turned ? CROWD - 1 : 40);
    await expectServed();
    const inside = count(101);
    expect(inside).toBeGreaterThan(20);
    expect(inside).toBeLessThan(MOST);
    expect(count(0)).toBe(turned ? CROWD - inside : 0);
    expect(statuses).toHaveLength(turned ? CROWD : inside);
    await desk.stall();
    await expectServed();
    // Nor does it turn round and round meanwhile.
    expect(await desk.stall()).toBeLessThan(100);

    let left = 0;
    for (const enemy of crowd) {
      if (left === 40) break;
      if (enemy.head === "") continue;
      enemy.tcp.destroy();
      left++;
    }
    const enter = (): Promise<Guest | undefined> => new Visitor(ports.vault).enter().catch(() => undefined);
    if (turned) {
      let late: Guest | undefined;
      await expect.poll(async () => (late = await enter()), { timeout: 2_500 }).toBeDefined();
      late?.tcp.destroy();
    } else await expect.poll(() => count(101), { timeout: 2_500 }).toBeGreaterThan(inside);
    await expectServed();

    for (const { tcp } of crowd) tcp.destroy();
    await expect.poll(async () => (await desk.state("vault")).connections, { timeout: 2_500 }).toBe(1);
    const last = await new Visitor(ports.vault).enter();
    expect(await last.ask("account.me")).toMatchObject({ data: {} });
    last.tcp.destroy();
    expect(server.errors()).toBe("");
    expect(await desk.notices()).toEqual([]);
  });
});
