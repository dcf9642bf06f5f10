import { describe, expect, test } from "vitest";
import { PrismError } from "../../src/wire/errors.ts";
import { createBare, TestAnswering, type Bare, type Packet } from "./ends.ts";

type Step = (bare: Bare) => unknown;

const items = (mark: string, count: number): string => Array(count).fill(mark).join("\x1e");
/** The peer calls. */
const called: Step = ({ say }) => say("?@@");
/** The peer calls, and its items are not taken. */
const calledIdle: Step = ({ end, say }) => {
  end.take = (_, id) => {
    const answer = new TestAnswering();
    answer.takes = false;
    end.answers.push(answer);
    end.connection.answer(id, answer);
  };
  return say("?@@");
};
/** This end calls. */
const asked: Step = ({ end, clock }) => {
  end.ask();
  return clock.settle();
};
const askedIdle: Step = ({ end, clock }) => {
  end.ask().takes = false;
  return clock.settle();
};
const both =
  (...steps: Step[]): Step =>
  async (bare) => {
    for (const step of steps) await step(bare);
  };
const says =
  (...packets: Packet[]): Step =>
  ({ say }) =>
    say(...packets);
const nothing: Step = () => {};

const illegal: [name: string, before: Step, packet: Packet][] = [
  ["a result of no call", nothing, "=@1"],
  ["a failure of no call", nothing, '!@{"code":"x"}'],
  ["an item of no call", nothing, "<@1"],
  ["a grant for no call", nothing, "-@A"],
  ["a result of a call that there is, and another", asked, "=@\x1e=@"],
  ["a failure after the result", asked, '=@\x1e!@{"code":"x"}'],
  ["a result after the failure", asked, '!@{"code":"x"}\x1e=@'],
  ["an item after the result", asked, "=@\x1e<@1"],
  ["a grant after the result", asked, "=@\x1e-@A"],
  ["a result of another call", asked, "=A"],
  ["a result of the largest number", asked, "=a\x7f\x7f\x7f\x7f\x7f_"],
  ["an id in use", called, "?@@"],
  ["an id in use, for another service", called, "?A@"],
  ["an id in use in the same packet", nothing, "?@@\x1e?@@"],
  ["an item beyond the credit", askedIdle, items("<@1", 17)],
  ["an item up beyond the credit", calledIdle, items(">@1", 17)],
  [
    "an item beyond the credit, after cancelling",
    both(asked, ({ end }) => end.asked.at(-1)!.cancel()),
    items("<@", 17),
  ],
  ["an item up after the last", called, "/@\x1e>@1"],
  ["a grant of nothing", called, "+@@"],
  ["a grant of nothing for a call that has ended", nothing, "+@@"],
  ["a grant up of nothing", asked, "-@@"],
  ["a failure that is not JSON", asked, "!@{"],
  ["a failure without a body", asked, "!@"],
  ["a failure that is no object", asked, '!@"busy"'],
  ["a failure that is null", asked, "!@null"],
  ["a failure without a code", asked, '!@{"message":"x"}'],
  ["a failure whose code is no text", asked, '!@{"code":5}'],
  ["an acknowledgement of what was not sent", asked, "%B"],
  ["an acknowledgement that goes back", both(asked, says("%A")), "%@"],
  ["a control frame that is not JSON", nothing, "${"],
  ["a control frame without a body", nothing, "$"],
  ["a control frame that is a list", nothing, "$[]"],
  ["a control frame that is null", nothing, "$null"],
  ["a control frame that is a text", nothing, '$"x"'],
  ["an unknown frame", nothing, "*"],
  ["an empty packet", nothing, ""],
  ["a ping with a body", nothing, "(1"],
  ["an end of items with a body", called, "/@1"],
  ["a cancel with a body", called, "#@1"],
];

describe.each([
  ["a server", false],
  ["a client", true],
])("at %s", (_, client) => {
  const code = (normal: number): number => (client ? 4004 : normal);

  async function expectClosed(bare: Bare, expected: number): Promise<void> {
    await bare.clock.settle();
    expect(bare.closings).toEqual([{ code: expected, reason: expect.any(String) }]);
    expect(bare.end.closed).toEqual(bare.closings);
    expect(bare.end.broken).toEqual([]);
    expect(Buffer.byteLength(bare.closings[0]!.reason)).toBeLessThanOrEqual(123);
    expect(bare.closings[0]!.reason).not.toBe("");
  }

  test.each(illegal)("%s closes the socket", async (_, before, packet) => {
    const bare = createBare({ client });
    await before(bare);
    await bare.clock.settle();
    expect(bare.closings).toEqual([]);
    await bare.say(packet);
    await expectClosed(bare, code(1002));
  });

  test.each(illegal)("%s leaves no call without an outcome", async (_, before, packet) => {
    const bare = createBare({ client });
    const other = bare.end.ask();
    await before(bare);
    await bare.say(packet);
    bare.end.connection.end(new PrismError("lost"));
    const outcomes = other.log.filter((entry) => /^[=!]/.test(entry));
    expect(outcomes).toHaveLength(1);
    for (const answer of bare.end.answers) expect(answer.log.filter((entry) => entry === "cancelled")).toHaveLength(1);
  });

  test.each(["A", "?@@", "=@", "!@{}", "<@", ">@", "/@", "+@A", "-@A", "#@", "%@"])(
    "the frame %j before the welcome closes the socket",
    async (packet) => {
      const bare = createBare({ client }, false);
      await bare.say(packet);
      await expectClosed(bare, code(1002));
      expect(bare.end.connection.received).toBe(0);
    },
  );

  test("control frames before the welcome are taken, and signs of life passed over", async () => {
    const bare = createBare({ client }, false);
    expect(await bare.say('${"hello":1}', "(", ")")).toEqual([]);
    expect(bare.closings).toEqual([]);
    expect(bare.end.controls).toEqual([{ hello: 1 }]);
  });

  test.each<[string, Step, Packet]>([
    ["a failure", asked, Uint8Array.from([4, 0x21, 0x40, 0x22, 0xff])],
    ["a control frame", nothing, Uint8Array.from([2, 0x24, 0xff])],
  ])("invalid UTF-8 in %s closes the socket", async (_, before, packet) => {
    const bare = createBare({ client });
    await before(bare);
    await bare.say(packet);
    await expectClosed(bare, code(1007));
  });

  // A client takes what its server sends.
  if (!client)
    test("a packet over the limit closes the socket", async () => {
      for (const packet of ["A" + "x".repeat(100), "A" + "€".repeat(34), new Uint8Array(101)]) {
        const bare = createBare({ packetIn: 100 });
        await bare.say(packet);
        await expectClosed(bare, code(1009));
        expect(bare.end.heard).toEqual([]);
      }
      const bare = createBare({ packetIn: 100 });
      await bare.say("A" + "€".repeat(33));
      expect(bare.closings).toEqual([]);
      expect(bare.end.heard).toHaveLength(1);
    });

  test("what stands before an illegal frame is taken, what follows is not", async () => {
    const bare = createBare({ client });
    await bare.say("Aone\x1e*\x1eAtwo", "Athree");
    await expectClosed(bare, code(1002));
    expect(bare.end.heard).toEqual(["1 one"]);
  });

  test.each([">@1", "/@", "+@A", "#@"])("%j for a call that has ended is late, and ignored", async (packet) => {
    const bare = createBare({ client });
    await bare.say("?@@");
    bare.end.answers[0]!.result("done");
    expect(await bare.say(packet)).toEqual(["=@done"]);
    expect(await bare.say(packet, packet)).toEqual([]);
    expect(bare.closings).toEqual([]);
    expect(bare.end.answers[0]!.log).toEqual([]);
    await bare.say("?@@again");
    expect(bare.end.heard).toEqual(["call 0 ", "call 0 again"]);
    expect(bare.end.connection.received).toBe(5);
  });

  test("late frames count", async () => {
    const bare = createBare({ client });
    await bare.say("#@", "#E", "/_");
    expect(bare.end.connection.received).toBe(3);
    expect(bare.closings).toEqual([]);
  });

  test("a defect above is reported, and costs this socket alone", async () => {
    const bare = createBare({ client });
    const defect = new RangeError("A defect");
    bare.end.take = () => {
      throw defect;
    };
    await bare.say("?@@");
    expect(bare.end.broken).toEqual([defect]);
    expect(bare.closings).toEqual([{ code: code(1002), reason: "Internal error" }]);
  });
});
