import { describe, expect, test } from "vitest";
import { writeNumber } from "../../src/wire/numbers.ts";
import { createBare, createEnds, TestAnswering } from "./ends.ts";

describe("calls", () => {
  test("go both ways at once, each end with its own numbers", async () => {
    const { clock, client, server } = createEnds();
    const up = [client.ask("a"), client.ask("b")];
    const down = [server.ask("c"), server.ask("d")];
    await clock.settle();
    expect([...up, ...down].map(({ id }) => id)).toEqual([0, 1, 0, 1]);
    server.answers[1]!.result("B");
    client.answers[0]!.failure('{"code":"no","message":"Not C"}');
    server.answers[0]!.result("A");
    client.answers[1]!.result("D");
    await clock.settle();
    expect(up.map(({ log }) => log)).toEqual([["= A"], ["= B"]]);
    expect(down.map(({ log }) => log)).toEqual([["! no"], ["= D"]]);
  });

  test("cost on the wire what the protocol says", async () => {
    const { clock, client, server } = createEnds();
    client.connection.send("@");
    const call = client.ask("body");
    await clock.settle();
    call.item("up");
    call.finish();
    await clock.settle();
    expect(client.sentFrames()).toEqual(["@", "?@@body", ">@up", "/@"]);
    server.answers[0]!.item("down");
    server.answers[0]!.result("done");
    await clock.settle();
    expect(server.sentFrames()).toEqual(["<@down", "=@done"]);
    expect(server.answers[0]!.log).toEqual(["> up", "/"]);
  });

  test("use the smallest number whose ending was received", async () => {
    const { clock, client, server } = createEnds();
    for (let i = 0; i < 5; i++) client.ask();
    await clock.settle();
    server.answers[3]!.result("");
    server.answers[1]!.result("");
    expect(client.ask().id).toBe(5); // neither ending has arrived
    await clock.settle();
    expect([client.ask(), client.ask(), client.ask()].map(({ id }) => id)).toEqual([1, 3, 6]);
    await clock.settle();
    expect(server.closed).toEqual([]);
  });

  test("by the thousand come back to their callers, in whatever order they end", async () => {
    const count = 3000;
    const { clock, client, server } = createEnds({}, { calls: count });
    const calls = Array.from({ length: count }, (_, i) => client.ask(String(i)));
    await clock.settle();
    expect(server.answers).toHaveLength(count);
    const bodies = server.heard.map((entry) => entry.split(" ")[2]);
    for (const half of [1, 0]) {
      server.answers.forEach((answer, i) => {
        if (i % 2 === half) answer.result(`to ${bodies[i]}`);
      });
      await clock.settle();
    }
    expect(calls.map(({ log }) => log)).toEqual(calls.map((_, i) => [`= to ${i}`]));
    expect(client.ask().id).toBe(0);
  });

  test("beyond the callee's limit fail with busy, and the others go on", async () => {
    const { clock, client, server } = createEnds({}, { calls: 8 });
    const calls = Array.from({ length: 20 }, () => client.ask());
    await clock.settle();
    expect(server.answers).toHaveLength(8);
    expect(calls.slice(8).map(({ log }) => log)).toEqual(Array.from({ length: 12 }, () => ["! busy"]));
    server.answers[2]!.result("");
    await clock.settle();
    const next = client.ask();
    expect(next.id).toBe(2);
    await clock.settle();
    expect(server.answers).toHaveLength(9);
    for (const answer of server.answers) answer.result("ok");
    await clock.settle();
    expect([...calls.slice(0, 8), next].map(({ log }) => log.at(-1))).toEqual([
      "= ok",
      "= ok",
      "= ",
      ...Array(6).fill("= ok"),
    ]);
    expect(client.closed).toEqual([]);
  });

  test("of a peer that takes high numbers fail with busy, and nothing is kept for them", async () => {
    const { end, say, closings } = createBare({ calls: 8 });
    const ids = [8, 1023, 1024, 0x7fffffff].map((id) => writeNumber(id));
    expect(await say(...ids.map((id) => `?@${id}`))).toEqual(ids.map((id) => `!${id}{"code":"busy"}`));
    expect(await say(...ids.map((id) => `?@${id}`))).toHaveLength(4);
    expect(end.answers).toEqual([]);
    expect(end.connection.received).toBe(8);
    expect(closings).toEqual([]);
  });

  test("that are refused are ended, and their number is free", async () => {
    const { end, say } = createBare();
    end.take = (_, id) => end.connection.refuse(id, "not_found");
    expect(await say("?Z@")).toEqual(['!@{"code":"not_found"}']);
    expect(await say("?Z@")).toEqual(['!@{"code":"not_found"}']);
  });

  test("have one ending, and nothing after it", async () => {
    const { end, say } = createBare();
    await say("?@@");
    const answer = end.answers[0]!;
    answer.item("1");
    answer.result("done");
    answer.result("again");
    answer.failure('{"code":"again"}');
    answer.item("2");
    for (let i = 0; i < 20; i++) answer.took();
    expect(await say("(")).toEqual(["<@1", "=@done", ")"]);
  });

  test("answered in the turn in which they came cost one packet", async () => {
    const { end, say, received } = createBare();
    end.take = (_, id) => {
      const answer = new TestAnswering();
      end.connection.answer(id, answer);
      answer.result("now");
    };
    await say("?@@\x1e?@A\x1e?@B");
    expect(received).toEqual(["=@now\x1e=Anow\x1e=Bnow"]);
  });
});

describe("cancelling", () => {
  test("keeps the number taken until the callee has ended the call", async () => {
    const { clock, client, server } = createEnds();
    const call = client.ask();
    await clock.settle();
    call.cancel();
    call.cancel();
    call.item("late");
    call.finish();
    expect(client.ask().id).toBe(1);
    await clock.settle();
    expect(client.sentFrames()).toEqual(["?@@", "#@", "?@A"]);
    expect(server.answers[0]!.log).toEqual(["cancelled"]);
    expect(server.sentFrames()).toEqual(['!@{"code":"cancelled"}']);
    expect(call.log).toEqual(["! cancelled"]);
    expect(client.ask().id).toBe(0);
  });

  test("comes too late where the ending is under way", async () => {
    const { clock, client, server } = createEnds();
    const call = client.ask();
    await clock.settle();
    server.answers[0]!.result("done");
    call.cancel();
    await clock.settle();
    expect(server.sentFrames()).toEqual(["=@done"]);
    expect(server.answers[0]!.log).toEqual([]);
    expect(call.log).toEqual(["= done"]);
    expect(client.ask().id).toBe(0);
    await clock.settle();
    expect(server.closed).toEqual([]);
  });

  test("in the turn of the call leaves both frames", async () => {
    const { clock, client, server } = createEnds();
    client.ask().cancel();
    await clock.settle();
    expect(server.answers[0]!.log).toEqual(["cancelled"]);
    expect(client.ask().id).toBe(0);
  });

  test("leaves items that are under way to be dropped, with no grant", async () => {
    const { clock, client, server } = createEnds();
    const call = client.ask();
    await clock.settle();
    for (let i = 0; i < 16; i++) server.answers[0]!.item(String(i));
    call.cancel();
    await clock.settle();
    expect(client.sentFrames()).toEqual(["?@@", "#@"]);
    expect(client.closed).toEqual([]);
  });
});

describe("credit", () => {
  test("is granted again in halves, for what was taken", async () => {
    const { clock, client, server } = createEnds();
    const call = client.ask();
    await clock.settle();
    const answer = server.answers[0]!;
    for (let i = 0; i < 7; i++) answer.item(String(i));
    await clock.settle();
    expect(client.sentFrames()).toEqual(["?@@"]);
    expect(answer.credit).toBe(9);
    answer.item("7");
    await clock.settle();
    expect(client.sentFrames()).toEqual(["+@H"]);
    expect([answer.credit, call.window]).toEqual([16, 16]);
    expect(answer.log).toEqual(["more"]);
  });

  test("lets any number of items through, both ways at once", async () => {
    const { clock, client, server } = createEnds();
    const call = client.ask();
    await clock.settle();
    const answer = server.answers[0]!;
    const sent = { up: 0, down: 0 };
    for (let turn = 0; turn < 200; turn++) {
      for (; call.credit > 0 && sent.up < 1000; sent.up++) call.item(String(sent.up));
      for (; answer.credit > 0 && sent.down < 1000; sent.down++) answer.item(String(sent.down));
      await clock.settle();
    }
    call.finish();
    answer.result("");
    await clock.settle();
    const all = Array.from({ length: 1000 }, (_, i) => i);
    expect(call.log.filter((entry) => entry !== "more")).toEqual([...all.map((i) => `< ${i}`), "= "]);
    expect(answer.log.filter((entry) => entry !== "more")).toEqual(all.map((i) => `> ${i}`));
    expect([...client.closed, ...server.closed]).toEqual([]);
  });

  test("is 16 at first, and not for the callee to give itself", async () => {
    const { end, say, closings } = createBare();
    end.take = (_, id) => {
      const answer = new TestAnswering();
      answer.takes = false;
      end.connection.answer(id, answer);
    };
    await say("?@@", Array(16).fill(">@").join("\x1e"));
    expect(closings).toEqual([]);
    await say(">@");
    expect(closings).toHaveLength(1);
  });
});

describe("deadlines", () => {
  test("fire on time, in any order, with one timer", async () => {
    const { clock, client } = createEnds();
    const before = clock.timers;
    const start = clock.now();
    const calls = [300, 100, 200, Infinity, 100].map((ms) => client.ask("", start + ms));
    expect(clock.timers).toBe(before + 1);
    const state = (): boolean[] => calls.map(({ log }) => log.includes("expired"));
    await clock.advance(99);
    expect(state()).toEqual([false, false, false, false, false]);
    await clock.advance(1);
    expect(state()).toEqual([false, true, false, false, true]);
    expect(clock.timers).toBe(before + 1);
    await clock.advance(100);
    expect(state()).toEqual([false, true, true, false, true]);
    await clock.advance(100);
    expect(state()).toEqual([true, true, true, false, true]);
    expect(clock.timers).toBe(before);
    await clock.advance(1_000_000_000);
    expect(calls[3]!.log).not.toContain("expired");
  });

  test("of an ended call do not fire", async () => {
    const { clock, client, server } = createEnds();
    const call = client.ask("", clock.now() + 100);
    await clock.settle();
    server.answers[0]!.result("done");
    await clock.advance(1000);
    expect(call.log).toEqual(["= done"]);
  });

  test("do not set a timer a call", async () => {
    const { clock, client, server } = createEnds();
    server.take = (_, id) => server.connection.refuse(id, '{"code":"x"}');
    const before = clock.timersSet;
    for (let i = 0; i < 100; i++) {
      client.ask("", clock.now() + 30_000);
      await clock.settle();
      clock.hold(1);
    }
    expect(clock.timersSet - before).toBe(1);
  });

  test("further off than a runtime's timers reach fire on time", async () => {
    const { clock, client } = createEnds({ interval: 1e9, patience: 1e9 }, { interval: 1e9, patience: 1e9 });
    const month = 30 * 24 * 3600 * 1000;
    const call = client.ask("", clock.now() + month);
    await clock.settle();
    await clock.advance(month - 1);
    expect(call.log).toEqual([]);
    await clock.advance(1);
    expect(call.log).toEqual(["expired", "! cancelled"]);
  });

  test("that have passed already fire at once", async () => {
    const { clock, client } = createEnds();
    const call = client.ask("", clock.now() - 5);
    await clock.advance(0);
    expect(call.log[0]).toBe("expired");
  });

  test("let the number go only with the callee's ending", async () => {
    const { clock, client, server } = createEnds();
    client.ask("", clock.now() + 10);
    await clock.settle();
    server.link.close(1001, "");
    await clock.settle();
    await clock.advance(10);
    expect(client.ask().id).toBe(1);
  });
});
