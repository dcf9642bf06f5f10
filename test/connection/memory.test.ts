import { describe, expect, test } from "vitest";
import { createEnds } from "./ends.ts";

/* What a peer can make the other end hold, beyond what waits in its socket. */

describe("items that nobody takes", () => {
  test("are held up to a limit, whatever calls they belong to; then calls fail with busy", async () => {
    const ends = createEnds({}, { held: 250 });
    const { clock, client, server } = ends;
    const [first, second] = [client.ask(), client.ask()];
    await clock.settle();
    for (const answer of server.answers) answer.takes = false;
    for (const call of [first, second]) call.item("x".repeat(100));
    await clock.settle();
    second.item("x".repeat(51));
    await clock.settle();
    expect(second.log).toEqual(["! busy"]);
    expect(server.answers[1]!.log.at(-1)).toBe("cancelled");
    expect(first.log).toEqual([]);
  });

  test("make room as they are taken", async () => {
    const ends = createEnds({}, { held: 100 });
    const { clock, client, server } = ends;
    const call = client.ask();
    await clock.settle();
    server.answers[0]!.takes = false;
    for (let i = 0; i < 50; i++) {
      call.item("x".repeat(100));
      await clock.settle();
      server.answers[0]!.took();
      await clock.settle();
    }
    expect(call.log.filter((line) => line.startsWith("!"))).toEqual([]);
  });
});

describe("calls that the peer never ends", () => {
  test("are made up to a limit, the cancelled ones included; then they fail with busy", async () => {
    const ends = createEnds({}, { asked: 3 });
    const { clock, server, client } = ends;
    client.take = () => {};
    for (let i = 0; i < 3; i++) server.ask().cancel();
    await clock.settle();
    expect(() => server.ask()).toThrow(expect.objectContaining({ code: "busy" }));
  });
});
