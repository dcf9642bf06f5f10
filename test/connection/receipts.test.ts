import { describe, expect, test } from "vitest";
import { Receipts } from "../../src/connection/receipts.ts";
import { Reminder } from "../../src/connection/reminder.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { ACKNOWLEDGE_WITHIN } from "../../src/wire/limits.ts";
import { createBare } from "./ends.ts";

interface Counted {
  readonly clock: FakeClock;
  readonly receipts: Receipts;
  /** How often it wanted something sent. */
  readonly marks: () => number;
}

function createReceipts(acknowledges = true): Counted {
  const clock = new FakeClock();
  let marks = 0;
  const receipts = new Receipts({
    options: { reminder: new Reminder(clock, ACKNOWLEDGE_WITHIN) },
    lasting: acknowledges,
    mark: () => void marks++,
  });
  return { clock, receipts, marks: () => marks };
}

describe("what was received", () => {
  test("is acknowledged after 64 frames, with the count at the time of writing", () => {
    const { receipts, marks } = createReceipts();
    for (let i = 0; i < 63; i++) expect(receipts.count(0)).toBe(true);
    expect([receipts.due, marks()]).toEqual([false, 0]);
    receipts.count(0);
    expect([receipts.due, marks()]).toEqual([true, 1]);
    receipts.count(0);
    expect(marks()).toBe(1);
    expect(receipts.write()).toBe("%bA");
    expect(receipts.due).toBe(false);
    for (let i = 0; i < 63; i++) receipts.count(0);
    expect(marks()).toBe(1);
    receipts.count(0);
    expect(marks()).toBe(2);
  });

  test("is acknowledged after 64 KiB, headers included", () => {
    const { receipts } = createReceipts();
    receipts.count(65_536 - 2 * 15 - 1);
    expect(receipts.due).toBe(false);
    receipts.count(0);
    expect(receipts.due).toBe(false);
    receipts.count(1);
    expect(receipts.due).toBe(true);
    receipts.write();
    receipts.count(65_536);
    expect(receipts.due).toBe(true);
  });

  test("is acknowledged within a second, and not before half of one", async () => {
    for (const offset of [0, 1, 499, 500, 501, 999]) {
      const { clock, receipts, marks } = createReceipts();
      receipts.count(1);
      await clock.advance(1_000);
      expect(marks()).toBe(1);
      receipts.write();
      await clock.advance(offset);
      receipts.count(1);
      await clock.advance(499);
      expect(marks(), `${offset}`).toBe(1);
      await clock.advance(501);
      expect(marks(), `${offset}`).toBe(2);
    }
  });

  test("is not acknowledged where nothing is", async () => {
    const { clock, receipts, marks } = createReceipts(false);
    for (let i = 0; i < 200; i++) receipts.count(1_000_000);
    await clock.advance(2_000);
    expect([receipts.received, receipts.due, marks(), clock.timersSet]).toEqual([200, false, 0, 0]);
  });

  test("is due no longer where the peer has been told in another way", async () => {
    const { clock, receipts, marks } = createReceipts();
    for (let i = 0; i < 63; i++) receipts.count(0);
    receipts.told();
    receipts.count(0);
    expect(marks()).toBe(0);
    receipts.told();
    await clock.advance(1_000);
    expect([marks(), clock.timers]).toEqual([0, 0]);
  });

  test("leaves no timer behind when it ends, unless another waits", async () => {
    const clock = new FakeClock();
    const reminder = new Reminder(clock, 1_000);
    const marks = [0, 0];
    const [one, other] = marks.map(
      (_, i) => new Receipts({ options: { reminder }, lasting: true, mark: () => void marks[i]!++ }),
    );
    one!.count(0);
    other!.count(0);
    expect(clock.timers).toBe(1);
    one!.end();
    expect(clock.timers).toBe(1);
    await clock.advance(500);
    other!.end();
    expect(clock.timers).toBe(0);
    await clock.advance(5_000);
    expect(marks).toEqual([0, 0]);
    one!.count(0);
    await clock.advance(500);
    one!.end();
    expect(clock.timers).toBe(0);
  });
});

describe("a reminder", () => {
  test("reminds each once, within the time, with one timer for all", async () => {
    const clock = new FakeClock();
    const reminder = new Reminder(clock, 1_000);
    const reminded: string[] = [];
    const add = (name: string): void => reminder.add({ remind: () => void reminded.push(`${name} ${clock.now()}`) });
    const start = clock.now();
    add("a");
    await clock.advance(499);
    add("b");
    await clock.advance(2);
    add("c");
    expect(clock.timers).toBe(1);
    await clock.advance(5_000);
    expect(reminded).toEqual([`a ${start + 1_000}`, `b ${start + 1_000}`, `c ${start + 1_500}`]);
    expect(clock.timers).toBe(0);
  });

  test("may be asked again from within", async () => {
    const clock = new FakeClock();
    const reminder = new Reminder(clock, 1_000);
    let times = 0;
    const again = {
      remind: () => {
        if (++times < 3) reminder.add(again);
      },
    };
    reminder.add(again);
    await clock.advance(1_000);
    expect([times, clock.timers]).toEqual([1, 1]);
    await clock.advance(2_000);
    expect([times, clock.timers]).toEqual([3, 0]);
  });
});

describe("frames that come again", () => {
  test("are dropped, as many as are here already, and not counted", () => {
    const { receipts } = createReceipts();
    for (let i = 0; i < 5; i++) receipts.count(0);
    receipts.resume(3);
    expect([1, 2, 3, 4].map(() => receipts.count(0))).toEqual([false, false, true, true]);
    expect(receipts.received).toBe(7);
    // Another socket, before all came again.
    receipts.resume(5);
    expect(receipts.count(0)).toBe(false);
    receipts.resume(7);
    expect(receipts.count(0)).toBe(true);
  });

  test.each([0, 2 ** 31 - 1, 2 ** 31 - 3])("are told by counts round 2^31, from %d", (start) => {
    const { receipts } = createReceipts();
    receipts.received = start;
    for (let i = 0; i < 5; i++) receipts.count(0);
    expect(receipts.received).toBe((start + 5) % 2 ** 31);
    receipts.resume((start + 2) % 2 ** 31);
    expect([1, 2, 3, 4].map(() => receipts.count(0))).toEqual([false, false, false, true]);
    for (const ahead of [7, 1_000, 2 ** 30 - 1]) {
      const resume = (): void => receipts.resume((start + ahead) % 2 ** 31);
      expect(resume, `${ahead}`).toThrow(expect.objectContaining({ closeCode: 1002 }));
    }
  });
});

describe("an acknowledgement on the wire", () => {
  test("goes alone in its packet, before the frames of its turn", async () => {
    const { end, peer, clock, received } = createBare({ lasting: true });
    for (let i = 0; i < 64; i++) peer.send(`A${i}`);
    end.take = (_, id) => end.connection.refuse(id, "x");
    peer.send("?A@");
    await clock.settle();
    expect(received).toEqual(["%bA", '!@{"code":"x"}']);
  });

  test("comes within a second of a single frame, and once", async () => {
    const { peer, clock, received, end } = createBare({ lasting: true });
    peer.send("A");
    await clock.advance(1_000);
    expect(received).toEqual(["%A"]);
    peer.send("A");
    await clock.settle();
    end.connection.end(new Error("over") as never);
    await clock.advance(1_000);
    expect(received).toEqual(["%A"]);
  });

  test("is not sent on a next socket, whose beginning told of it", async () => {
    const { end, peer, clock, received } = createBare({ lasting: true });
    for (let i = 0; i < 70; i++) peer.send("A");
    end.oncontrol = () => end.connection.attach(end.link);
    peer.send("${}");
    await clock.advance(2_000);
    expect(received).toEqual([]);
  });
});
