import { describe, expect, test } from "vitest";
import { Heartbeat, type Pulse } from "../../src/connection/heartbeat.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createBare, createEnds } from "./ends.ts";

describe("the heartbeat", () => {
  test("keeps two quiet ends joined, at a ping or so an interval", async () => {
    const { clock, client, server } = createEnds();
    await clock.advance(1_000_000);
    expect([...client.closed, ...server.closed]).toEqual([]);
    const frames = [...client.sentFrames(), ...server.sentFrames()];
    expect(new Set(frames)).toEqual(new Set(["(", ")"]));
    expect(frames.length).toBeGreaterThanOrEqual(40);
    expect(frames.length).toBeLessThanOrEqual(200);
  });

  test("says nothing while both ends send", async () => {
    const { clock, client, server } = createEnds();
    for (let i = 0; i < 100; i++) {
      client.connection.send("A");
      server.connection.send("A");
      await clock.advance(5000);
    }
    expect([...client.sentFrames(), ...server.sentFrames()].filter((frame) => frame !== "A")).toEqual([]);
  });

  test("asks a silent peer, however much its own end sends", async () => {
    const { clock, end } = createBare();
    for (let i = 0; i < 32; i++) {
      end.connection.send("A");
      await clock.advance(1000);
    }
    expect(end.closed).toEqual([]);
    expect(end.sentFrames().filter((frame) => frame === "(")).toHaveLength(1);
    await clock.advance(3000);
    expect(end.closed).toEqual([{ code: 4003, reason: "Heartbeat missed" }]);
  });

  test("pings when its own end has been quiet, however much it hears", async () => {
    const { clock, end, peer } = createBare();
    for (let i = 0; i < 60; i++) {
      peer.send("A");
      await clock.advance(1000);
    }
    const pings = end.sentFrames().filter((frame) => frame === "(");
    expect(pings.length).toBeGreaterThanOrEqual(2);
    expect(pings.length).toBeLessThanOrEqual(3);
  });

  test.each([
    [25_000, 10_000],
    [10_000, 10_000],
    [1000, 10_000],
    [30_000, 1000],
    [20, 10],
    [7, 3],
    [1, 1],
  ])(
    "drops a dead peer within interval + patience, not before its ping could come: %i ms, %i ms",
    async (interval, patience) => {
      for (const offset of [0, 0.1, 0.3, 0.5, 0.77, 0.99]) {
        const bare = createBare({ interval, patience });
        await bare.clock.advance(interval * offset);
        await bare.say(")");
        const silentFrom = bare.clock.now();
        await bare.clock.advance(3 * (interval + patience) + 10);
        expect(bare.end.closed).toEqual([{ code: 4003, reason: "Heartbeat missed" }]);
        const after = bare.end.closedAt[0]! - silentFrom;
        // A step below 1 ms is not worth a timer: such times are rounded up.
        expect(after).toBeLessThanOrEqual(interval + patience + 1);
        expect(after).toBeGreaterThan(interval);
        expect(bare.received).toContain("(");
      }
    },
  );

  test("waits for a peer whose pong comes at the last moment", async () => {
    const { clock, end, peer, received } = createBare();
    for (let i = 0; i < 20; i++) {
      await clock.advance(32_000);
      expect(received).toContain("(");
      peer.send(")");
      await clock.settle();
    }
    expect(end.closed).toEqual([]);
  });

  test("that was held up asks, and waits for patience", async () => {
    const bare = createBare();
    const { clock, end, received, peer } = bare;
    await clock.advance(20_000);
    received.length = 0;
    clock.hold(3_600_000);
    await clock.advance(0);
    expect(received).toEqual(["("]);
    expect(end.closed).toEqual([]);
    await clock.advance(7000);
    expect(end.closed).toEqual([]);
    peer.send(")");
    await clock.advance(20_000);
    expect(end.closed).toEqual([]);
  });

  test("that was held up drops a peer that does not answer, within patience", async () => {
    const bare = createBare();
    const { clock, end } = bare;
    await clock.advance(20_000);
    clock.hold(3_600_000);
    await clock.advance(0);
    const asked = clock.now();
    await clock.advance(20_000);
    expect(end.closedAt[0]! - asked).toBeGreaterThan(7000);
    expect(end.closedAt[0]! - asked).toBeLessThanOrEqual(10_000);
  });

  test("that is held up again and again takes nobody for dead", async () => {
    const { clock, end, peer } = createBare();
    for (let i = 0; i < 50; i++) {
      clock.hold(60_000);
      await clock.advance(0);
      peer.send(")");
      await clock.settle();
    }
    expect(end.closed).toEqual([]);
  });

  test("watches many with one timer, and none without one", async () => {
    const clock = new FakeClock();
    const heartbeat = new Heartbeat(clock, 20, 10);
    const pulses = Array.from({ length: 50 }, () => new TestPulse(heartbeat));
    for (const pulse of pulses) heartbeat.add(pulse);
    expect(clock.timers).toBe(1);
    await clock.advance(100);
    expect(clock.timers).toBe(0);
    expect(pulses.map(({ log }) => log.at(-1))).toEqual(pulses.map(() => "missed"));
    heartbeat.add(new TestPulse(heartbeat));
    expect(clock.timers).toBe(1);
  });

  test("has one timer where a peer that is given up is replaced at once", async () => {
    const clock = new FakeClock();
    const heartbeat = new Heartbeat(clock, 20, 10);
    let replaced = 0;
    const replace = (): void => {
      replaced++;
      const pulse = new TestPulse(heartbeat, replace);
      heartbeat.add(pulse);
    };
    replace();
    await clock.advance(3000);
    expect(clock.timers).toBe(1);
    expect(replaced).toBeGreaterThanOrEqual(100);
    expect(replaced).toBeLessThanOrEqual(140);
  });

  test("stops with its last peer", () => {
    const clock = new FakeClock();
    const heartbeat = new Heartbeat(clock, 20, 10);
    const pulse = new TestPulse(heartbeat);
    heartbeat.add(pulse);
    heartbeat.delete(pulse);
    heartbeat.delete(pulse);
    expect(clock.timers).toBe(0);
  });
});

class TestPulse implements Pulse {
  spokeAt = 0;
  heardAt = 0;
  readonly log: string[] = [];
  readonly #heartbeat: Heartbeat;
  readonly #missed: (() => void) | undefined;

  constructor(heartbeat: Heartbeat, missed?: () => void) {
    this.#heartbeat = heartbeat;
    this.#missed = missed;
  }
  ping(): void {
    this.spokeAt = this.#heartbeat.beat;
    this.log.push("ping");
  }
  missed(): void {
    this.log.push("missed");
    this.#heartbeat.delete(this);
    this.#missed?.();
  }
}
