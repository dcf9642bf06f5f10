// Row 23: the client goes while its upgrade waits, at every await.
import { describe, expect, onTestFinished, test } from "vitest";
import { randomId } from "../../src/wire/random-id.ts";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { invoke } from "./cases.ts";
import { Enemy, enter, frame, text } from "./enemy.ts";
import { SECRET } from "./secrets.ts";
import { stages } from "./server/gate.ts";
import type { Ready } from "./server/run.ts";
import { limits, openDesk, type Stage, startServer } from "./stage.ts";
import { type Guest, signed, Visitor } from "./visitor.ts";

/** As many connections as the app takes. */
const MOST = 12;
const own = ["Origin: http://good.example"];

/** Guards against unhandled socket errors before or during the upgrade, and memory kept after an aborted handshake. */
export function row23(stage: Stage): void {
  describe("row 23: reset during an asynchronous upgrade, at every await", () => {
    /** All places are free again: as many come in as there are places, and one more does not. */
    async function expectPlaces(): Promise<void> {
      const guests: Guest[] = [];
      const enterAll = async (): Promise<number> => {
        while (guests.length < MOST) {
          const guest = await stage
            .visitor("gate")
            .enter({ headers: own, token: "ok" })
            .catch(() => undefined);
          if (guest === undefined) break;
          guests.push(guest);
        }
        return guests.length;
      };
      await expect.poll(enterAll, { timeout: limits.handshake * 3 }).toBe(MOST);
      expect(await (await stage.visitor("gate").knock({ headers: own })).status).toBe(503);
      for (const { tcp } of guests) tcp.destroy();
      await expect.poll(() => stage.desk.state("gate"), { timeout: 3_000 }).toEqual({ connections: 0, sessions: 0 });
    }

    test.each(stages)("at %s", async (place) => {
      await stage.desk.stopAt(place);
      const enemies = Array.from({ length: 10 }, () => {
        // Each with a session of its own: of one the store is asked once at a time.
        const cookie = `Cookie: prism.sid=${signed(randomId(), SECRET)}`;
        const headers = [...own, "Sec-WebSocket-Protocol: prism.1", cookie];
        return new Enemy(stage.ports.gate, upgradeRequest({ target: "/prism", headers }));
      });
      if (place === "authenticate") {
        for (const enemy of enemies) {
          await enemy.got("$");
          enemy.send(text("%@"), text('${"auth":"ok"}'));
        }
      }
      await stage.desk.waitingAt([place, enemies.length]);
      // Half of them go while they wait; of these every other one without a word. The rest go when they are let in.
      for (const [i, { tcp }] of enemies.slice(0, 6).entries()) {
        if (i % 2 > 0) tcp.resetAndDestroy();
        else tcp.destroy();
      }
      await stage.witness.calls.echo(place);
      await stage.desk.goOn(place);
      for (const { tcp } of enemies.slice(6)) tcp.resetAndDestroy();
      await expectPlaces();
      await stage.expectPeace();
      expect((await stage.desk.notices()).filter((line) => !line.includes("limits.connections"))).toEqual([]);
    });

    test("at each of them for longer than a handshake may take: 503, or 1008", async () => {
      const started = performance.now();
      const outcomes: Promise<number | undefined>[] = [];
      // The last first: who waits there has come past the others.
      for (const place of stages.toReversed()) {
        await stage.desk.stopAt(place);
        const visitor = stage.visitor("gate", signed(randomId(), SECRET));
        if (place === "authenticate") {
          const guest = await visitor.enter({ headers: own });
          guest.send(text('${"auth":"ok"}'));
          outcomes.push(guest.closed.finally(() => guest.tcp.destroy()));
        } else {
          const knocked = visitor.knock({ headers: own });
          outcomes.push(knocked.then(({ status, tcp }) => status.finally(() => tcp.destroy())));
        }
        await stage.desk.waitingAt([place, 1]);
      }
      expect(await Promise.all(outcomes)).toEqual([1008, 503, 503, 503]);
      expect(performance.now() - started).toBeLessThan(limits.handshake * 2);
      for (const place of stages) await stage.desk.goOn(place);
      await expectPlaces();
      await stage.expectPeace();
      expect((await stage.desk.notices()).filter((line) => !line.includes("limits.connections"))).toEqual([]);
    });

    // The deadline of a handshake answers its client; the place must be given back with it.
    test("a hook that never settles keeps no place", async () => {
      const own = startServer(stage.name, { apps: ["gate"] });
      onTestFinished(async () => void (await own.stop()));
      const { ports } = await own.ready<Ready>();
      const { desk, close } = openDesk(ports.desk);
      onTestFinished(close);
      await desk.stopAt("admit");
      const knock = (): Promise<number> => new Visitor(ports.gate).knock().then(({ status }) => status);
      await Promise.all(Array.from({ length: MOST }, knock));
      // Those who wait there wait for ever; who comes now does not.
      await desk.forget("admit");
      expect(await knock()).toBe(101);
    });

    test("half handshakes, broken ones, and resets at every moment", async () => {
      const request = upgradeRequest({ target: "/prism", headers: ["Sec-WebSocket-Protocol: prism.1"] });
      const halves = Array.from({ length: 60 }, (_, i) => new Enemy(stage.port, request.slice(0, 1 + i * 4)));
      for (let i = 0; i < 60; i++) {
        const { tcp } = new Enemy(stage.port, request);
        await new Promise((resolve) => tcp.once("connect", resolve));
        if (i % 3 > 0) await stage.witness.calls.echo(i);
        if (i % 2 > 0) tcp.resetAndDestroy();
        else tcp.destroy();
      }
      for (let i = 0; i < 20; i++) {
        const enemy = await enter(stage.port);
        enemy.send(text(invoke(1, "big", "100000")), frame(0x81, "unfinished", 100).subarray(0, i));
        enemy.tcp.resetAndDestroy();
        await stage.witness.about.ended(enemy.welcome.connection);
      }
      const without = (header: RegExp): Promise<number> => new Enemy(stage.port, request.replace(header, "")).status;
      expect(await without(/Sec-WebSocket-Key: .*\r\n/)).toBe(400);
      const version = new Enemy(stage.port, request.replace("Version: 13", "Version: 12"));
      expect(await version.status).toBe(stage.platform.otherVersion);
      expect(await new Enemy(stage.port, "\0\x01\x02 garbage\r\n\r\n").status).toBeOneOf([0, 400]);
      await stage.expectPeace();
      for (const { tcp } of [...halves, version]) tcp.destroy();
    });

    test("is fine", () => stage.expectFine());
  });
}
