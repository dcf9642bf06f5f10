import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PrismError } from "../../src/wire/errors.ts";
import { writeFrame, type Frame } from "../../src/wire/frames.ts";
import { Turn } from "../../src/connection/turn.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createBare, createEnds, join, show, TestAnswering } from "./ends.ts";

describe("what is sent during a turn", () => {
  test("leaves as one packet when the turn is over", async () => {
    const { clock, client, server } = createEnds();
    for (const frame of ["Aone", "Btwo", "Athree"]) client.connection.send(frame);
    expect(client.packets).toEqual([]);
    await clock.settle();
    expect(client.packets).toEqual(["Aone\x1eBtwo\x1eAthree"]);
    expect(server.heard).toEqual(["1 one", "2 two", "1 three"]);
    client.connection.send("Afour");
    await clock.settle();
    expect(client.packets).toHaveLength(2);
  });

  test("has link frames first", async () => {
    const { clock, client } = createEnds();
    client.connection.send("Aone");
    client.link.post("%@");
    await clock.settle();
    expect(client.packets).toEqual(["%@", "Aone"]);
  });

  test("keeps its order, text and bytes mixed", async () => {
    const frame = fc.oneof(fc.string(), fc.uint8Array()).map((body) => {
      return typeof body === "string" ? "A" + body.replaceAll("\x1e", "") : writeFrame("A", body);
    });
    const turns = fc.array(fc.array(frame, { maxLength: 8 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(turns, fc.integer({ min: 10, max: 200 }), async (lists, packetOut) => {
        const { clock, client, server } = createEnds({ packetOut });
        for (const list of lists) {
          for (const one of list) client.connection.send(one);
          clock.turn();
        }
        await clock.settle();
        const asSent = (one: Frame): string => `1 ${show(typeof one === "string" ? one.slice(1) : one.subarray(1))}`;
        const asBytes = (one: Frame): string => `1 ${show(Buffer.from(one as string).subarray(1))}`;
        const sent = lists.flat();
        expect(server.heard).toHaveLength(sent.length);
        sent.forEach((one, i) => expect([asSent(one), asBytes(one)]).toContain(server.heard[i]));
        expect(server.closed).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test("is split where the peer takes no larger packet", async () => {
    const { clock, client, server } = createEnds({ packetOut: 100 }, { packetIn: 100 });
    const bodies = Array.from({ length: 30 }, (_, i) => "x".repeat(i));
    for (const body of bodies) client.connection.send("A" + body);
    await clock.settle();
    expect(server.heard).toEqual(bodies.map((body) => `1 ${body}`));
    expect(client.packets.length).toBeGreaterThan(4);
    expect(server.closed).toEqual([]);
  });
});

test("the end of a turn is asked for once a turn, for however many links", async () => {
  const clock = new FakeClock();
  let asked = 0;
  const { afterTurn } = clock;
  clock.afterTurn = (run) => {
    asked++;
    afterTurn.call(clock, run);
  };
  const turn = new Turn(clock);
  const flushed: number[] = [];
  for (let i = 0; i < 10; i++) turn.add({ flush: () => void flushed.push(i) });
  expect(asked).toBe(1);
  await clock.settle();
  expect(flushed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  turn.add({ flush: () => turn.add({ flush: () => void flushed.push(10) }) });
  clock.turn();
  expect(flushed).toHaveLength(10); // what is added while others are flushed waits for the next turn
  clock.turn();
  expect(flushed).toHaveLength(11);
  expect(asked).toBe(3);
});

describe("a frame too long for a packet", () => {
  test.each<[string, Frame, boolean]>([
    ["ASCII that just fits", "A" + "x".repeat(99), true],
    ["ASCII, a byte over", "A" + "x".repeat(100), false],
    ["other text that just fits", "A" + "é".repeat(49) + "x", true],
    ["other text, a byte over", "A" + "é".repeat(50), false],
    ["bytes that fit with any length before them", writeFrame("A", new Uint8Array(94)), true],
    ["bytes that fit but for their length", writeFrame("A", new Uint8Array(99)), false],
    ["bytes, over", writeFrame("A", new Uint8Array(100)), false],
  ])("fails at its sender, and nothing else does: %s", async (_, frame, fits) => {
    const { clock, client, server } = createEnds({ packetOut: 100, frameOut: 100 }, { packetIn: 100 });
    client.connection.send("Abefore");
    const send = (): void => client.connection.send(frame);
    if (fits) send();
    else expect(send).toThrow(expect.objectContaining({ code: "too_large" }) as Error);
    client.connection.send("Aafter");
    await clock.settle();
    expect(server.closed).toEqual([]);
    expect(server.heard).toHaveLength(fits ? 3 : 2);
    expect(server.heard.at(-1)).toBe("1 after");
  });

  test("leaves no trace of a call", async () => {
    const { clock, client, server } = createEnds({ frameOut: 100 });
    expect(() => client.ask("x".repeat(100))).toThrow(expect.objectContaining({ code: "too_large" }) as Error);
    const call = client.ask("small");
    expect(call.id).toBe(0);
    await clock.settle();
    expect(server.heard).toEqual(["call 0 small"]);
  });

  test("of an answer lets it have another ending", async () => {
    const { clock, client, server } = createEnds({}, { frameOut: 100 });
    const call = client.ask();
    await clock.settle();
    const answer = server.answers[0]!;
    expect(() => answer.result("x".repeat(100))).toThrow(expect.objectContaining({ code: "too_large" }) as Error);
    expect(() => answer.item("x".repeat(100))).toThrow(expect.objectContaining({ code: "too_large" }) as Error);
    expect(answer.over).toBe(false);
    expect(answer.credit).toBe(16);
    answer.failure('{"code":"too_large"}');
    await clock.settle();
    expect(call.log).toEqual(["! too_large"]);
  });
});

describe("counting", () => {
  test("takes counted frames, and link frames not", async () => {
    const { clock, client, server } = createEnds();
    client.connection.send("A");
    client.link.post("(");
    client.link.post('${"x":1}');
    const call = client.ask();
    expect(client.connection.sent).toBe(0);
    await clock.settle();
    server.answers[0]!.result("");
    await clock.settle();
    expect(call.log).toEqual(["= "]);
    expect([client.connection.sent, server.connection.received]).toEqual([2, 2]);
    expect([server.connection.sent, client.connection.received]).toEqual([1, 1]);
    expect(server.meter).toEqual({ sent: 2, received: 4 });
  });

  test("goes round at 2^31", async () => {
    const { clock, client, server } = createEnds();
    client.count(0x7fffffff, 0);
    server.count(0, 0x7fffffff);
    client.connection.send("A");
    client.connection.send("A");
    await clock.settle();
    expect([client.connection.sent, server.connection.received]).toEqual([1, 1]);
  });

  test("takes an acknowledgement of what was sent, and no other", async () => {
    const counts: [acknowledged: number, sent: number, count: number, taken: boolean][] = [
      [0, 0, 0, true],
      [0, 0, 1, false],
      [0, 3, 0, true],
      [0, 3, 2, true],
      [0, 3, 3, true],
      [0, 3, 4, false],
      [0, 3, 0x7fffffff, false],
      [2, 3, 1, false],
      [2, 3, 2, true],
      [0x7ffffffe, 1, 0x7ffffffe, true],
      [0x7ffffffe, 1, 0x7fffffff, true],
      [0x7ffffffe, 1, 0, true],
      [0x7ffffffe, 1, 1, true],
      [0x7ffffffe, 1, 2, false],
      [0x7ffffffe, 1, 0x7ffffffd, false],
    ];
    for (const [acknowledged, sent, count, taken] of counts) {
      const { end, clock } = createBare();
      const { connection } = end;
      end.count(acknowledged, 0);
      for (let at = acknowledged; at !== sent; at = (at + 1) & 0x7fffffff) connection.send("A");
      await clock.settle();
      const acknowledge = (): void => connection.acknowledge(count);
      if (taken) expect(acknowledge, String([acknowledged, sent, count])).not.toThrow();
      else
        expect(acknowledge, String([acknowledged, sent, count])).toThrow(
          expect.objectContaining({ closeCode: 1002 }) as Error,
        );
    }
  });
});

describe("a connection between sockets", () => {
  test("keeps what was not given to a socket for the next one", async () => {
    const ends = createEnds();
    const { clock, client, server } = ends;
    client.connection.send("Afirst");
    await clock.settle();
    client.connection.send("Asecond");
    client.link.close(1000, "");
    client.connection.send("Athird");
    await clock.settle();
    expect(client.connection.sent).toBe(2); // `close` sent what was waiting
    client.connection.send("Afourth");
    await clock.settle();
    expect(server.heard).toEqual(["1 first", "1 second"]);
    join(ends);
    await clock.settle();
    expect(server.heard).toEqual(["1 first", "1 second", "1 third", "1 fourth"]);
    expect(client.connection.sent).toBe(4);
    expect(client.packets.at(-1)).toBe("Athird\x1eAfourth");
  });

  test("keeps what waits when its socket is lost in the same turn", async () => {
    const ends = createEnds();
    const { clock, client, server } = ends;
    await clock.settle();
    server.link.close(1001, "");
    clock.turn();
    clock.turn();
    client.connection.send("Alate");
    await clock.settle();
    expect(client.closed).toEqual([{ code: 1001, reason: "" }]);
    expect(client.connection.sent).toBe(0);
    join(ends);
    await clock.settle();
    expect(server.heard).toEqual(["1 late"]);
  });

  test("sends calls, items and endings made without one", async () => {
    const ends = createEnds();
    const { clock, client, server } = ends;
    const early = client.ask("early");
    await clock.settle();
    client.link.close(1000, "");
    await clock.settle();
    const late = client.ask("late");
    server.answers[0]!.item("1");
    server.answers[0]!.result("done");
    await clock.settle();
    expect(early.log).toEqual([]);
    join(ends);
    await clock.settle();
    expect(early.log).toEqual(["< 1", "= done"]);
    server.answers[1]!.result("too");
    await clock.settle();
    expect(late.log).toEqual(["= too"]);
  });

  test("goes over to a newer socket while the older still works", async () => {
    const ends = createEnds();
    const { clock, client, server } = ends;
    const older = client.link;
    client.connection.send("Aone");
    join(ends);
    await clock.settle();
    expect(older.connection).toBeUndefined();
    expect(client.link.connection).toBe(client.connection);
    expect(server.heard).toEqual(["1 one"]);
    older.close(4001, "Newer socket");
    client.connection.send("Atwo");
    await clock.settle();
    expect(server.heard).toEqual(["1 one", "1 two"]);
    expect(client.link.over).toBe(false);
  });

  test("drops link frames that were not sent with their socket", async () => {
    const ends = createEnds();
    const { clock, client } = ends;
    const older = client.link;
    older.post("%@");
    join(ends);
    older.close(1000, "");
    client.packets = [];
    await clock.settle();
    expect(client.sentFrames()).toEqual([]);
  });
});

describe("the end of a connection", () => {
  test("fails calls with its error, and cancels answers", async () => {
    const { clock, client, server } = createEnds();
    const call = client.ask();
    await clock.settle();
    const back = server.ask();
    await clock.settle();
    client.connection.end(new PrismError("lost"));
    server.connection.end(new PrismError("closed"));
    expect([call.log, back.log]).toEqual([["! lost"], ["! closed"]]);
    expect([client.answers[0]!.log, server.answers[0]!.log]).toEqual([["cancelled"], ["cancelled"]]);
    server.answers[0]!.item("x");
    server.answers[0]!.result("x");
    client.connection.send("A");
    client.sentFrames();
    server.sentFrames();
    await clock.settle();
    expect([...client.sentFrames(), ...server.sentFrames()]).toEqual([]);
  });

  test("comes once", async () => {
    const { clock, client } = createEnds();
    const call = client.ask();
    await clock.settle();
    client.connection.end(new PrismError("lost"));
    client.connection.end(new PrismError("closed"));
    expect(call.log).toEqual(["! lost"]);
  });

  test("drops what was waiting, and takes nothing more", async () => {
    const { clock, client, server } = createEnds();
    client.connection.send("Awaiting");
    server.connection.send("Acoming");
    client.connection.end(new PrismError("closed"));
    await clock.settle();
    expect(server.heard).toEqual([]);
    expect(client.heard).toEqual([]);
    expect(client.connection.received).toBe(0);
  });

  test("fails calls that are made afterwards, and cancels those taken up afterwards", async () => {
    const { clock, client, server } = createEnds();
    client.ask();
    const taken = new TestAnswering();
    server.take = (_, id) => {
      server.connection.end(new PrismError("lost"));
      server.connection.answer(id, taken);
    };
    await clock.settle();
    expect(taken.log).toEqual(["cancelled"]);
    expect(taken.over).toBe(true);
    const timers = clock.timers;
    const call = server.ask("late", clock.now() + 1000);
    expect(call.log).toEqual(["! closed"]);
    expect(clock.timers).toBe(timers);
  });

  test("stops the timer of its deadlines", async () => {
    const { clock, client } = createEnds();
    const before = clock.timers;
    client.ask("", clock.now() + 1000);
    expect(clock.timers).toBe(before + 1);
    client.connection.end(new PrismError("lost"));
    expect(clock.timers).toBe(before);
  });
});
