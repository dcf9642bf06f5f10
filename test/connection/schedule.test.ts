import fc from "fast-check";
import { expect, test } from "vitest";
import { bodyText } from "../../src/wire/codecs.ts";
import { writeFrame } from "../../src/wire/frames.ts";
import { createEnds, TestAnswering, TestAsking, type End, type Ends } from "./ends.ts";

/** A call, and what its two ends have done so far. */
interface Played {
  readonly asking: TestAsking;
  answering: TestAnswering | undefined;
  readonly up: string[];
  readonly down: string[];
  finished: boolean;
  ending: string | undefined;
  cancelled: boolean;
  /** How many of the items that arrived it has said to have taken. */
  takenUp: number;
  takenDown: number;
}

/** Plays both ends: does only what the protocol allows, at any moment at which it does. */
class Player {
  readonly #ends: Ends;
  readonly calls: Played[] = [];
  readonly messages: { readonly to: End; readonly text: string }[] = [];
  #serial = 0;

  constructor(ends: Ends) {
    this.#ends = ends;
    for (const end of [ends.client, ends.server]) {
      end.take = (_, id, body) => {
        const answering = new TestAnswering();
        answering.takes = false;
        end.connection.answer(id, answering);
        this.calls[Number(bodyText(body))]!.answering = answering;
      };
    }
  }

  /** Does one thing, if it can be done now. */
  play(what: number, which: number): void {
    const from = which % 2 === 0 ? this.#ends.client : this.#ends.server;
    const open = this.calls.filter(({ asking }) => !asking.over);
    const call = open[which % Math.max(1, open.length)];
    const answered = this.calls.filter(({ answering }) => answering?.over === false);
    const other = answered[which % Math.max(1, answered.length)];
    const text = String(this.#serial++);
    const body = which % 3 === 0 ? new TextEncoder().encode(text) : text;
    if (what === 0) this.#ask(from);
    else if (what === 1) {
      from.connection.send(writeFrame("A", body));
      this.messages.push({ to: from === this.#ends.client ? this.#ends.server : this.#ends.client, text });
    } else if (what === 2 && call !== undefined && call.asking.credit > 0 && !call.finished) {
      call.asking.item(body);
      call.up.push(text);
    } else if (what === 3 && call !== undefined && !call.finished) {
      call.asking.finish();
      call.finished = true;
    } else if (what === 4 && call !== undefined) {
      call.asking.cancel();
      call.cancelled = true;
    } else if (what === 5 && other !== undefined && other.answering!.credit > 0) {
      other.answering!.item(body);
      other.down.push(text);
    } else if (what === 6 && other !== undefined) this.end(other, which % 2 === 0, text);
    else if (what === 7 && call !== undefined && call.takenDown < itemsOf(call.asking.log, "<").length) {
      call.takenDown++;
      call.asking.took();
    } else if (what === 8 && other !== undefined && other.takenUp < itemsOf(other.answering!.log, ">").length) {
      other.takenUp++;
      other.answering!.took();
    } else if (what === 9) this.#ends.clock.turn();
  }

  #ask(from: End): void {
    const asking = new TestAsking();
    asking.takes = false;
    from.connection.ask(0, String(this.calls.length), asking);
    const open = { answering: undefined, finished: false, ending: undefined, cancelled: false };
    this.calls.push({ ...open, asking, up: [], down: [], takenUp: 0, takenDown: 0 });
  }

  end(call: Played, well: boolean, text: string): void {
    if (well) call.answering!.result(text);
    else call.answering!.failure(`{"code":"failed-${text}"}`);
    call.ending = well ? `= ${text}` : `! failed-${text}`;
  }
}

const asText = (entry: string): string => {
  const hex = /^(.*)<((?:[\da-f]{2} ?)+)>$/.exec(entry);
  return hex === null ? entry : hex[1]! + Buffer.from(hex[2]!.replaceAll(" ", ""), "hex").toString();
};
const itemsOf = (log: readonly string[], mark: string): string[] =>
  log.filter((entry) => entry.startsWith(mark)).map((entry) => asText(entry).slice(2));

test("two ends that keep to the protocol agree on every call, whatever they do and when", async () => {
  const action = fc.tuple(
    fc.oneof({ weight: 3, arbitrary: fc.nat(9) }, { weight: 3, arbitrary: fc.constantFrom(2, 2, 5, 5, 7, 8, 9) }),
    fc.nat(1000),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 250, size: "max" }), async (actions) => {
      const ends = createEnds({ packetOut: 60 });
      const { clock, client, server } = ends;
      const player = new Player(ends);
      for (const [what, pick] of actions) player.play(what, pick);
      await clock.settle();
      for (const call of player.calls) {
        if (call.answering?.over === false) player.end(call, true, "last");
        expect(call.answering).toBeDefined();
      }
      await clock.settle();
      expect([...client.closed, ...server.closed, ...client.broken, ...server.broken]).toEqual([]);
      for (const { asking, answering, up, down, ending, cancelled } of player.calls) {
        const endings = asking.log.filter((entry) => /^[=!]/.test(entry));
        expect(endings).toHaveLength(1);
        if (ending === undefined) expect([cancelled, endings]).toEqual([true, ["! cancelled"]]);
        else expect(asText(endings[0]!)).toBe(ending);
        expect(asking.log.at(-1)).toBe(endings[0]);
        expect(itemsOf(asking.log, "<")).toEqual(down);
        expect(up.slice(0, itemsOf(answering!.log, ">").length)).toEqual(itemsOf(answering!.log, ">"));
        if (!cancelled && ending === "= last") expect(itemsOf(answering!.log, ">")).toEqual(up);
      }
      for (const end of [client, server]) {
        const sent = player.messages.filter(({ to }) => to === end).map(({ text }) => `1 ${text}`);
        expect(end.heard.map(asText)).toEqual(sent);
        expect(end.ask().id).toBe(0);
      }
      expect(client.connection.sent).toBe(server.connection.received);
      expect(server.connection.sent).toBe(client.connection.received);
    }),
    { numRuns: 200 },
  );
});
