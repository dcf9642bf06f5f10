import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { writeFrame } from "../../src/wire/frames.ts";
import { createBare, type End } from "./ends.ts";
import { createLasting, cut, resume } from "./resumption.ts";

const MODULO = 2 ** 31;
const starts = [0, MODULO - 1, MODULO - 40] as const;

/** What a test does next, at one of the ends or to the sockets. */
type Step = readonly [who: "client" | "server", what: "text" | "bytes" | "call"] | "turn" | "settle" | "cut" | "late";

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom("client", "server"), fc.constantFrom("text", "bytes", "call")) },
  { weight: 4, arbitrary: fc.constantFrom("turn", "settle", "cut", "late") },
);

/** Text may come in a binary packet. */
const asText = (line: string): string =>
  line.replace(/<(.*)>/, (_, hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex").toString());

describe("whatever is lost with sockets", () => {
  test.each(starts)("comes once and in order, both ways, with counts from %d", async (start) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const ends = createLasting({ replayFrames: 8 }, { replayFrames: 8, sendLimit: 1_000_000 });
        const { clock, client, server } = ends;
        client.count(start, (start + 7) % MODULO);
        server.count((start + 7) % MODULO, start);
        const sent = { client: [] as string[], server: [] as string[] };
        for (const [at, one] of steps.entries()) {
          if (one === "turn") clock.turn();
          else if (one === "settle") await clock.settle();
          else if (one === "cut") {
            cut(ends);
            expect(resume(ends)).toBe(true);
          } else if (one === "late") {
            // The offer is under way while the older socket goes on.
            const offered = client.connection.received;
            await clock.settle();
            expect(resume(ends, offered)).toBe(true);
          } else {
            const [who, what] = one;
            const end: End = ends[who];
            const body = what === "bytes" ? Buffer.from(`${at}`) : `${at}`;
            sent[who].push(`${what === "call" ? "call 0" : "1"} ${at}`);
            if (what === "call") end.ask(body);
            else end.connection.send(writeFrame("A", body));
          }
        }
        cut(ends);
        resume(ends);
        await clock.advance(5_000);
        expect(server.heard.map(asText)).toEqual(sent.client);
        expect(client.heard.map(asText)).toEqual(sent.server);
        expect([client.connection.waiting, server.connection.waiting]).toEqual([0, 0]);
        expect(client.connection.sent).toBe(server.connection.received);
        expect(server.connection.sent).toBe(client.connection.received);
        expect([...client.closed, ...server.closed].filter(({ code }) => code === 1002 || code === 4004)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("is replayed on each socket until one brings it", async () => {
    const ends = createLasting();
    ends.client.connection.send("Aone");
    for (let i = 0; i < 3; i++) {
      ends.clock.turn();
      cut(ends);
      resume(ends);
      ends.clock.turn();
      ends.clock.turn();
    }
    expect(ends.client.sentFrames().filter((frame) => frame === "Aone")).toHaveLength(3);
    await ends.clock.settle();
    expect(ends.server.heard).toEqual(["1 one"]);
  });

  test("comes before what waited meanwhile", async () => {
    const ends = createLasting();
    const { client, server, clock } = ends;
    client.connection.send("Alost");
    clock.turn();
    cut(ends);
    client.connection.send("Awaited");
    client.ask("waited");
    await clock.advance(5_000);
    resume(ends);
    client.connection.send("Alate");
    await clock.settle();
    expect(server.heard).toEqual(["1 lost", "1 waited", "call 0 waited", "1 late"]);
  });

  test("is not replayed once it was acknowledged", async () => {
    const ends = createLasting();
    for (let i = 0; i < 70; i++) ends.server.connection.send("A");
    await ends.clock.advance(1_000);
    cut(ends);
    ends.server.packets = [];
    resume(ends);
    await ends.clock.settle();
    expect(ends.server.packets).toEqual([`\${"received":0,"sent":70}`]);
  });

  test("comes twice where the offer was older, and is taken once", async () => {
    const ends = createLasting();
    const { client, server, clock } = ends;
    server.connection.send("Aone");
    await clock.settle();
    const offered = client.connection.received;
    for (const frame of ["Atwo", "Athree"]) server.connection.send(frame);
    await clock.settle();
    expect(resume(ends, offered)).toBe(true);
    server.connection.send("Afour");
    server.packets = [];
    await clock.settle();
    expect(server.sentFrames().slice(1)).toEqual(["Atwo", "Athree", "Afour"]);
    expect(client.heard).toEqual(["1 one", "1 two", "1 three", "1 four"]);
    expect(client.connection.received).toBe(4);
  });

  test("cannot be had where the count is impossible", () => {
    const ends = createLasting();
    expect(resume(ends, 1)).toBe(false);
    ends.server.connection.lasting = false;
    expect(resume(ends, 0)).toBe(false);
  });
});

describe("calls", () => {
  test("go on, with items both ways and their credit", async () => {
    const ends = createLasting();
    const { client, server, clock } = ends;
    const asking = client.ask("go");
    await clock.settle();
    const answer = server.answers[0]!;
    let down = 0;
    let up = 0;
    for (let round = 0; round < 12; round++) {
      // Neither end knows what has come of a socket that goes in between.
      for (; answer.credit > 0 && down < 100; down++) answer.item(`${down}`);
      for (; asking.credit > 0 && up < 100; up++) asking.item(`${up}`);
      for (let turns = round % 4; turns > 0; turns--) clock.turn();
      cut(ends);
      resume(ends);
      if (round % 3 === 0) clock.turn();
      else await clock.settle();
    }
    await clock.settle();
    for (; down < 100; down++) answer.item(`${down}`);
    for (; up < 100; up++) asking.item(`${up}`);
    asking.finish();
    await clock.settle();
    answer.result("done");
    clock.turn();
    cut(ends);
    resume(ends);
    await clock.settle();
    const items = (log: readonly string[]): string[] => log.filter((line) => line !== "more");
    const numbers = (mark: string): string[] => Array.from({ length: 100 }, (_, i) => `${mark} ${i}`);
    expect(items(answer.log)).toEqual([...numbers(">"), "/"]);
    expect(items(asking.log)).toEqual([...numbers("<"), "= done"]);
  });

  test("that are cancelled while there is no socket are ended once there is", async () => {
    const ends = createLasting();
    const asking = ends.client.ask("go");
    await ends.clock.settle();
    cut(ends);
    asking.cancel();
    expect(ends.client.connection.busy).toBe(false);
    resume(ends);
    await ends.clock.settle();
    expect(ends.server.answers[0]!.log).toEqual(["cancelled"]);
    expect(asking.log).toEqual(["! cancelled"]);
  });
});

describe("a peer that never acknowledges", () => {
  test("has an end hold back what is new, which goes on with the acknowledgement", async () => {
    const { end, say } = createBare({ lasting: true, heard: true, replayFrames: 8 });
    for (let i = 0; i < 20; i++) end.connection.send(`A${i}`);
    expect(await say()).toHaveLength(8);
    expect(await say()).toEqual([]);
    expect(await say("%B")).toEqual(["A8", "A9"]);
    expect(end.connection.waiting).toBe(10 * "A10".length);
    expect(await say("%J")).toHaveLength(8);
    expect(await say("%P")).toEqual(["A18", "A19"]);
    expect(end.connection.sent).toBe(20);
  });

  test("and was never heard, has it forget the oldest", async () => {
    const { end, received, say } = createBare({ lasting: true, replayFrames: 8 });
    for (let i = 0; i < 20; i++) {
      end.connection.send(`A${i}`);
      await say();
    }
    expect(received).toHaveLength(20);
    expect([11, 12, 20, 21].map((count) => end.connection.offered(count))).toEqual([undefined, 12, 20, undefined]);
  });
});
