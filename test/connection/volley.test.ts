import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ServerConnection } from "../../src/connection/server-connection.ts";
import { Reminder } from "../../src/connection/reminder.ts";
import { Turn } from "../../src/connection/turn.ts";
import { Group, type Taker, Volley } from "../../src/connection/volley.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { defaultLimits } from "../../src/wire/limits.ts";
import type { Frame } from "../../src/wire/frames.ts";

/** A member that sends by itself, too, over a connection as the product has it. */
class Member implements Taker {
  readonly wire: ServerConnection;
  readonly got: Frame[] = [];
  /** How often it was given something. */
  gifts = 0;

  constructor(clock: FakeClock, volley: Volley) {
    const { calls, streams, held } = defaultLimits;
    const limits = { calls, streams, held, asked: calls, frameOut: Infinity, heard: true };
    const room = { replayFrames: 10_000, replayLimit: 1_000_000, sendLimit: 1_000_000 };
    const reminder = new Reminder(clock, 1_000);
    const receiver = Object.assign(this as Member, { message: () => {}, call: () => {} });
    this.wire = new ServerConnection(receiver, { clock, volley, reminder, ...limits, ...room });
  }

  take(frames: readonly Frame[], size: number): void {
    expect(size).toBe(frames.reduce((sum, { length }) => sum + length, 0));
    this.gifts++;
    this.wire.sendAll(frames, size);
  }

  /** Takes what a socket would be given now. */
  drain(): Frame[] {
    this.got.push(...this.wire.drain());
    return this.got;
  }
}

function createStage(count = 3) {
  const clock = new FakeClock();
  const volley = new Volley(new Turn(clock));
  const members = Array.from({ length: count }, () => new Member(clock, volley));
  const groups = [new Group<Member>(volley), new Group<Member>(volley)] as const;
  return { clock, volley, members, groups };
}

describe("what many are sent alike", () => {
  test("comes to each of them once a turn, as one list", () => {
    const { clock, members, groups } = createStage();
    const [group] = groups;
    for (const member of members) group.add(member);
    for (const frame of ["A1", "A2", "A3"]) group.send(frame);
    expect(members.map(({ gifts }) => gifts)).toEqual([0, 0, 0]);
    clock.turn();
    expect(members.map(({ gifts }) => gifts)).toEqual([1, 1, 1]);
    const lists = members.map(({ wire }) => wire.drain());
    expect(lists[0]).toEqual(["A1", "A2", "A3"]);
    // The same, so that it is joined once.
    expect([lists[1] === lists[0], lists[2] === lists[0]]).toEqual([true, true]);
    group.send("A4");
    clock.turn();
    expect(members.map((member) => member.drain())).toEqual([["A4"], ["A4"], ["A4"]]);
  });

  test("is nobody's who joins after it, and theirs who leave after it", () => {
    const { clock, members, groups } = createStage();
    const [group] = groups;
    const [first, second, third] = members as [Member, Member, Member];
    group.add(first).add(second);
    group.send("A1");
    group.add(third);
    group.delete(second);
    group.send("A2");
    clock.turn();
    expect(members.map((member) => member.drain())).toEqual([["A1", "A2"], ["A1"], ["A2"]]);
    group.send("A3");
    group.clear();
    clock.turn();
    expect(members.map((member) => member.drain())).toEqual([["A1", "A2", "A3"], ["A1"], ["A2", "A3"]]);
  });

  test("keeps one who is sent something else in between from nobody else's list", () => {
    const { clock, members, groups } = createStage();
    const [group] = groups;
    for (const member of members) group.add(member);
    for (let i = 0; i < 4; i++) {
      group.send(`A${i}`);
      members[0]!.wire.send(`=${i}`);
    }
    clock.turn();
    expect(members[0]!.drain()).toEqual(["A0", "=0", "A1", "=1", "A2", "=2", "A3", "=3"]);
    expect(members.map(({ gifts }) => gifts)).toEqual([4, 1, 1]);
    const [second, third] = members.slice(1).map(({ wire }) => wire.drain());
    expect(second).toEqual(["A0", "A1", "A2", "A3"]);
    expect(third).toBe(second);
  });

  test("does not grow while the turn lasts", () => {
    const { volley, members, groups } = createStage(1);
    const [group] = groups;
    group.add(members[0]!);
    for (let i = 0; i < 256; i++) group.send("A");
    expect(members[0]!.gifts).toBe(0);
    group.send("A");
    expect(members[0]!.gifts).toBe(1);
    group.send("x".repeat(70_000));
    group.send("A");
    expect([members[0]!.gifts, volley.pending]).toEqual([2, true]);
  });

  test("goes along with a connection that is handed over, and not to one that has ended", () => {
    const { clock, members, groups } = createStage(2);
    const [group] = groups;
    const [first, second] = members as [Member, Member];
    group.add(first).add(second);
    group.send("A1");
    expect(first.wire.park(["A2"]).waiting).toEqual(["A1", "A2"]);
    second.wire.end(Object.assign(new Error(), { code: "lost" }) as never);
    clock.turn();
    expect([first.drain(), second.drain()]).toEqual([[], []]);
  });

  test("that is sent by who hears of an end comes, too", () => {
    const { clock, members, groups } = createStage(2);
    const [group, other] = groups;
    const [first, second] = members as [Member, Member];
    group.add(first);
    other.add(second);
    first.take = () => other.send("A2");
    group.send("A1");
    clock.turn();
    expect(second.drain()).toEqual(["A2"]);
  });
});

type Step =
  | readonly ["broadcast" | "join" | "leave", group: number, who: number]
  | readonly ["send" | "drain" | "turn", who: number];

test("each is sent what it would be sent one by one, in the same order", () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant("broadcast" as const), fc.nat(1), fc.nat(0)) },
    fc.tuple(fc.constantFrom("join" as const, "leave" as const), fc.nat(1), fc.nat(3)),
    fc.tuple(fc.constantFrom("send" as const, "drain" as const, "turn" as const), fc.nat(3)),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, members, groups } = createStage(4);
      const plain = groups.map(() => new Set<number>());
      const expected: Frame[][] = members.map(() => []);
      for (const [at, [what, one, who = 0]] of steps.entries()) {
        if (what === "broadcast") {
          groups[one]!.send(`A${at}`);
          for (const member of plain[one]!) expected[member]!.push(`A${at}`);
        } else if (what === "join") {
          groups[one]!.add(members[who]!);
          plain[one]!.add(who);
        } else if (what === "leave") {
          groups[one]!.delete(members[who]!);
          plain[one]!.delete(who);
        } else if (what === "send") {
          members[one]!.wire.send(`B${at}`);
          expected[one]!.push(`B${at}`);
        } else if (what === "drain") members[one]!.drain();
        else clock.turn();
        // Whoever looks sees no difference.
        if (what === "drain") expect(members[one]!.got).toEqual(expected[one]);
      }
      clock.turn();
      for (const member of members) member.drain();
      expect(members.map(({ got }) => got)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});
