import { describe, expect, test } from "vitest";
import type { Broker, Position } from "../../src/broker/broker.ts";
import { Channels } from "../../src/broker/channels.ts";
import type { ChannelFeed } from "../../src/broker/channels.ts";
import { memoryBroker } from "../../src/broker/memory-broker.ts";
import type { Recovery } from "../../src/broker/recovery.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import type { Body } from "../../src/wire/frames.ts";
import type { Faults, Shim } from "./shim.ts";
import { ample, upTo } from "./stage.ts";
import { Notes, Weather } from "./weather.ts";

function setUp(count = 2) {
  const weather = new Weather(1, count);
  const { clock, nodes } = weather;
  const [one, two] = nodes.map((node) => new Channels(node, clock, "part")) as [Channels, Channels];
  return { weather, clock, one, two, near: nodes[0]! };
}

describe("the channels of a part", () => {
  test("are its own", async () => {
    const { weather, clock, one } = setUp();
    const other = new Channels(weather.nodes[0]!, clock, "other");
    const heard: Body[] = [];
    one.listen("a", (body) => heard.push(body));
    await clock.settle();
    await other.publish("a", "x");
    await other.enter("a", "key", "state");
    await other.publish("a", "kept", { retention: ample });
    expect([heard, await one.roll("a"), (await one.read("a", { limit: 10 })).messages]).toEqual([[], new Map(), []]);
    expect(one.node).toBe(weather.nodes[0]!.node);
  });

  test("carry texts and bytes, and tell who is there", async () => {
    const { clock, one, two } = setUp();
    const heard: Body[] = [];
    const feed = one.listen("a", (body) => heard.push(body));
    await clock.settle();
    await two.publish("a", "text");
    await two.publish("a", new Uint8Array([0, 255]));
    expect(heard).toEqual(["text", new Uint8Array([0, 255])]);
    await two.enter("a", "key", "1");
    await one.enter("a", "key", "2");
    expect([...(await one.roll("a"))].map(([key]) => key)).toEqual(["key"]);
    feed.close();
    await two.publish("a", "unheard");
    expect(heard).toHaveLength(2);
  });

  test("on an exact broker carry messages as they are", async () => {
    const clock = new FakeClock();
    const published: Body[] = [];
    const inner = memoryBroker({ clock });
    const publish: Broker["publish"] = (channel, body, retention) => {
      published.push(body);
      return inner.publish(channel, body, retention);
    };
    const channels = new Channels({ ...inner, publish, exact: true }, clock, "part");
    const heard: Body[] = [];
    channels.listen("a", (body) => heard.push(body));
    await clock.settle();
    expect(channels.publish("a", "x")).toBeUndefined();
    expect([published, heard]).toEqual([["x"], ["x"]]);
  });

  test("are listened to as soon as that can be, and not when nobody wants it any more", async () => {
    const { clock, one, two, near } = setUp();
    let away = true;
    const subscribe = near.subscribe.bind(near);
    let asked = 0;
    near.subscribe = (...args) => {
      asked++;
      return away ? Promise.reject(new Error("away")) : subscribe(...args);
    };
    const heard: Body[] = [];
    const feed = one.listen("a", (body) => heard.push(body));
    const other = one.listen("b", () => expect.unreachable());
    await clock.advance(3500);
    expect(asked).toBe(8);
    other.close();
    away = false;
    await clock.advance(1000);
    await two.publish("a", "x");
    expect(heard).toEqual(["x"]);
    feed.close();
    await clock.advance(10_000);
    expect([asked, clock.timers]).toEqual([9, 0]);
  });

  test("are left later only by those who have not come back", async () => {
    const { clock, one, near } = setUp();
    for (const key of ["gone", "back"]) {
      await one.enter("a", key, "");
      one.leaveLater("a", key, () => key === "back");
    }
    await clock.advance(near.lease - 1);
    expect((await one.roll("a")).size).toBe(2);
    await clock.advance(1);
    expect([...(await one.roll("a")).keys()]).toEqual(["back"]);
  });
});

interface Script {
  readonly faults: Partial<Faults>;
  /** Whether nodes are cut off. */
  readonly cuts?: boolean;
  /** Whether the engine forgets all. */
  readonly wipes?: boolean;
  readonly retention?: { readonly size: number; readonly ttl: number };
}

const late = { duplicate: 0.1, reorder: 0.1, late: 30 };

describe("each message once, in order, and every gap told", () => {
  test.each<readonly [string, Script]>([
    ["in fair weather", { faults: {} }],
    ["where one in ten is brought twice, and one in ten late", { faults: late }],
    ["where most is brought twice and late", { faults: { duplicate: 0.7, reorder: 0.7, late: 45 } }],
    ["where what is read takes its time, and fails", { faults: { ...late, slow: 40, fail: 0.3 } }],
    ["where much is later than anybody waits", { faults: { duplicate: 0.2, reorder: 0.3, late: 300, slow: 20 } }],
    ["where nodes are cut off", { faults: { ...late, slow: 20, fail: 0.1 }, cuts: true }],
    ["where little is kept", { faults: { ...late, slow: 20 }, cuts: true, retention: { size: 5, ttl: 60_000 } }],
    [
      "where it is soon forgotten",
      { faults: { ...late, slow: 20, fail: 0.2 }, cuts: true, retention: { size: 9, ttl: 1_000 } },
    ],
    ["where the engine forgets all", { faults: { ...late, slow: 20, fail: 0.1 }, cuts: true, wipes: true }],
  ])(
    "%s",
    async (_, script) => {
      let [messages, gaps, joins, faults] = [0, 0, 0, 0];
      for (const seed of upTo(60)) {
        const play = new Play(seed, script);
        await play.run();
        messages += play.messages;
        gaps += play.gaps;
        joins += play.joins;
        faults += play.faults;
      }
      // It has been put to the test.
      expect([messages > 5_000, joins > 300, faults > 0]).toEqual([true, true, Object.keys(script.faults).length > 0]);
      if (script.cuts === true) expect(gaps).toBeGreaterThan(0);
    },
    60_000,
  );
});

/** A feed, with what it has told since it was opened. */
interface Listener {
  readonly feed: ChannelFeed;
  readonly notes: Notes;
  /** Where it began. */
  readonly from: Position | undefined;
  /** How many plain messages each publisher had published then. */
  readonly sent: readonly number[];
}

/** Two channels, one with history, on some nodes; feeds are opened and closed, and others join. */
class Play {
  readonly weather: Weather;
  readonly #name: string;
  readonly #script: Script;
  readonly #channels: Channels[];
  readonly #listeners: Listener[] = [];
  /** What was kept, by the epochs in their order. */
  readonly #log = new Map<string, Body[]>();
  /** How many plain messages each node has published. */
  readonly #sent: number[];
  readonly #work: Promise<void>[] = [];
  messages = 0;
  gaps = 0;
  joins = 0;

  constructor(seed: number, script: Script) {
    this.#name = `seed ${seed}`;
    this.#script = script;
    this.weather = new Weather(seed, 3, script.faults);
    const { nodes, clock } = this.weather;
    this.#channels = nodes.map((node) => new Channels(node, clock, "part"));
    this.#sent = nodes.map(() => 0);
    this.weather.named = (_, epoch) => void this.#logOf(epoch);
  }

  #logOf(epoch: string): Body[] {
    let log = this.#log.get(epoch);
    if (log === undefined) this.#log.set(epoch, (log = []));
    return log;
  }

  get faults(): number {
    let all = 0;
    for (const { done } of this.weather.nodes) all += done.dropped + done.failed + done.late + done.twice;
    return all;
  }

  async run(): Promise<void> {
    const { weather } = this;
    for (let step = 0; step < 100; step++) {
      await this.#step();
      // Some turns bring much at once.
      if (weather.chance(0.6)) await weather.clock.advance(weather.upTo(20));
      if (this.#script.retention?.ttl === 1_000 && weather.chance(0.03)) await weather.rest(1_100);
    }
    await weather.clear();
    await Promise.all(this.#work);
    for (const listener of this.#listeners) this.#check(listener);
    for (const { feed } of this.#listeners) feed.close();
    // One is the memory's own.
    if (this.#script.wipes !== true) expect(weather.clock.timers, this.#name).toBeLessThan(2);
  }

  async #step(): Promise<void> {
    const { weather } = this;
    const at = weather.upTo(3);
    if (weather.chance(0.5)) for (let n = weather.upTo(4); n >= 0; n--) this.#keep(weather.upTo(3));
    if (weather.chance(0.5))
      for (let n = weather.upTo(3); n >= 0; n--)
        void this.#channels[at]!.publish("plain", `${at} ${++this.#sent[at]!}`);
    if (this.#listeners.length < 6 && weather.chance(0.2)) this.#work.push(this.#open(at, weather.chance(0.6)));
    if (weather.chance(0.2) && this.#listeners.length > 0) this.#work.push(this.#join(weather.pick(this.#listeners)));
    if (this.#script.cuts !== true) return;
    if (weather.chance(0.05)) weather.nodes[at]!.cut();
    else if (weather.chance(0.2)) weather.nodes[at]!.heal();
    if (this.#script.wipes === true && weather.chance(0.02)) await weather.wipe();
  }

  #keep(at: number): void {
    const body = `kept ${this.weather.upTo(1e9)}`;
    const { retention = ample } = this.#script;
    const { offset, epoch } = this.#channels[at]!.publish("kept", body, { retention }) as Position;
    this.#logOf(epoch)[offset - 1] = body;
  }

  async #open(at: number, kept: boolean): Promise<void> {
    const notes = new Notes();
    const feed = this.#channels[at]!.feed(kept ? "kept" : "plain", notes);
    try {
      await feed.open(kept ? (this.#script.retention ?? ample) : undefined);
    } catch {
      feed.close();
      return;
    }
    // What was told by now is not looked at: where it stands counts.
    notes.told.length = 0;
    this.#listeners.push({ feed, notes, from: feed.position, sent: [...this.#sent] });
  }

  // --- those who join ---

  async #join({ feed }: Listener): Promise<void> {
    const { weather } = this;
    const from = feed.position;
    if (from === undefined) return;
    const epochs = [...this.#log.keys()];
    // They may come from another node, which has heard more.
    const epoch = weather.chance(0.8) ? epochs.at(-1)! : weather.pick(epochs);
    const since = { epoch, offset: weather.upTo(this.#log.get(epoch)!.length + 1) };
    const last = weather.upTo(30);
    const fresh = weather.chance(0.3);
    try {
      await feed.recover(fresh ? undefined : since, last, (recovery) => {
        this.joins++;
        this.#checkRecovery(feed.position!, recovery, fresh ? undefined : since, last);
      });
    } catch (error) {
      expect([(this.#script.faults.fail ?? 0) > 0, error], this.#name).toMatchObject([true, { code: "unavailable" }]);
    }
  }

  #checkRecovery(at: Position, recovery: Recovery, since: Position | undefined, last: number): void {
    const { messages, recovered } = recovery;
    const from = recovery.from!;
    expect([from.epoch, from.offset + messages.length], this.#name).toEqual([at.epoch, at.offset]);
    const log = this.#log.get(at.epoch) ?? [];
    expect(messages, this.#name).toEqual(log.slice(from.offset, at.offset));
    if (since === undefined) expect([recovered, messages.length <= last], this.#name).toEqual([true, true]);
    else if (recovered) expect(from, this.#name).toEqual(since);
    else {
      expect(messages, this.#name).toEqual([]);
      // There must be a reason.
      const forgets = this.#script.retention !== undefined || this.#script.wipes === true;
      if (!forgets) expect(at.epoch, this.#name).not.toBe(since.epoch);
    }
  }

  // --- what was told ---

  #check(listener: Listener): void {
    if (listener.from === undefined) this.#checkPlain(listener);
    else this.#checkKept(listener);
    const { cuts, retention, wipes, faults } = this.#script;
    const fair = cuts !== true && retention === undefined && wipes !== true;
    if (fair && (listener.from !== undefined || (faults.late ?? 0) < 50)) {
      expect(listener.notes.gaps, this.#name).toBe(0);
    }
    this.gaps += listener.notes.gaps;
    this.messages += listener.notes.bodies.length;
  }

  #checkKept({ notes, feed, from }: Listener): void {
    const epochs = [...this.#log.keys()];
    let { offset, epoch } = from!;
    for (const one of notes.told) {
      if ("body" in one) {
        expect([one.offset, one.body], this.#name).toEqual([offset + 1, this.#log.get(epoch)![offset]]);
        offset++;
        continue;
      }
      const { position, lost } = one;
      if (!lost) {
        // Nothing was missed: all of this epoch was told, and the next one begins in which there was anything.
        expect([position!.offset, offset], this.#name).toEqual([0, this.#log.get(epoch)!.length]);
        const between = epochs.slice(epochs.indexOf(epoch) + 1, epochs.indexOf(position!.epoch));
        expect(
          between.flatMap((one) => this.#log.get(one)!),
          this.#name,
        ).toEqual([]);
      } else if (position!.epoch === epoch) expect(position!.offset, this.#name).toBeGreaterThanOrEqual(offset);
      ({ offset, epoch } = position!);
    }
    expect(feed.position, this.#name).toEqual({ offset, epoch });
    // In the end it has all there is.
    if (epoch === epochs.at(-1)) expect(offset, this.#name).toBe(this.#log.get(epoch)!.length);
    else expect([this.#script.retention?.ttl ?? this.#script.wipes], this.#name).not.toEqual([undefined]);
  }

  #checkPlain({ notes, sent }: Listener): void {
    const told = notes.told.map((one) => ("body" in one ? String(one.body).split(" ").map(Number) : undefined));
    for (const [at, all] of this.#sent.entries()) {
      let last = sent[at]!;
      let [gap, first] = [false, true];
      for (const one of told) {
        if (one === undefined) gap = true;
        else if (one[0] === at) {
          const number = one[1]!;
          // Messages of before may come late.
          if (!first || number > last) {
            expect(number, this.#name).toBeGreaterThan(last);
            // Where it came in, a gap may be told afterwards.
            const later = first && told.includes(undefined);
            if (number !== last + 1) expect(gap || later, `${this.#name}: ${last}, ${number}`).toBe(true);
          }
          [last, gap, first] = [number, false, false];
        }
      }
      if (last !== all) expect(gap, `${this.#name}: ${last} of ${all}`).toBe(true);
    }
  }
}

/** It is a broker like any other. */
export type IsBroker = Shim extends Broker ? true : never;
