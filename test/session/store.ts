import type { Storage } from "unstorage";
import { describe, expect, onTestFinished, test } from "vitest";
import { randomId } from "../../src/wire/random-id.ts";
import type { SessionRecord, SessionStore } from "../../src/session/session-store.ts";
import { foreignTexts, pollution, toRecordOf } from "./records.ts";

/** A store, and what lies beneath it. */
export interface StoreStage {
  readonly store: SessionStore;
  /** Another server's store over the same records, where compare and write hold for both; else the same one. */
  readonly other: SessionStore;
  /** The storage in which the records lie; nothing else does. */
  readonly storage: Storage;
  /** How many ms a record has left to live, where records expire. */
  readonly lifeOf?: ((id: string) => Promise<number>) | undefined;
  close(): Promise<void>;
}

/** What is known of a kind of store. */
export type StoreTraits = Pick<SessionStore, "atomic" | "expires" | "shared">;

const day = 86_400_000;

/** Adds one to the `n` of a session's data, as often as it takes. */
export async function increment(store: SessionStore, id: string): Promise<void> {
  for (;;) {
    const there = await store.read(id);
    const n = (there?.data["n"] as number | undefined) ?? 0;
    const version = there?.version ?? 0;
    const record = { ...toRecordOf({ n: n + 1 }), version: version + 1 };
    if (await store.write(id, record, version, day)) return;
  }
}

/** Collects a store's ids. */
export async function idsOf(store: SessionStore): Promise<string[]> {
  const ids: string[] = [];
  for await (const id of await store.ids()) ids.push(id);
  return ids.toSorted();
}

/**
 * What every store of sessions must hold.
 *
 * @param name the store's
 * @param traits what it says of itself
 * @param open makes a store over records of its own
 */
export function describeStore(name: string, traits: StoreTraits, open: () => Promise<StoreStage>): void {
  async function setUp() {
    const stage = await open();
    onTestFinished(() => stage.close());
    const id = randomId();
    return { ...stage, id, key: `prism-session:${id}` };
  }

  describe(name, () => {
    test("says what it is", async () => {
      const { store } = await setUp();
      expect({ atomic: store.atomic, expires: store.expires, shared: store.shared }).toEqual(traits);
    });

    test("reads what was written, and nothing where nothing was", async () => {
      const { store, other, id } = await setUp();
      const record = {
        ...toRecordOf({ user: "Zoë \u2028 \ud83d\ude00", list: [1, null, { a: [] }], "": 0, empty: {} }),
        cookie: { path: "/", maxAge: null },
        dead: { next: randomId(), ticket: "t", until: 5 },
      };
      expect(await store.read(id)).toBeUndefined();
      expect(await store.write(id, record, 0, day)).toBe(true);
      expect(await store.read(id)).toStrictEqual(record);
      expect(await other.read(id)).toStrictEqual(record);
      expect(await store.read(randomId())).toBeUndefined();
    });

    test("writes only over the version expected", async () => {
      const { store, id } = await setUp();
      const version = (n: number): SessionRecord => ({ ...toRecordOf({ n }), version: n });
      expect(await store.write(id, version(2), 1, day)).toBe(false);
      expect(await store.read(id)).toBeUndefined();
      const steps: [to: number, expected: number, written: boolean][] = [
        [1, 0, true],
        [1, 0, false],
        [2, 2, false],
        [11, 1, true],
        [12, 1, false],
        [12, 111, false],
        [12, 11, true],
        [Number.MAX_SAFE_INTEGER, 12, true],
        [1, 12, false],
        [3, Number.MAX_SAFE_INTEGER, true],
      ];
      let there = 0;
      for (const [to, expected, written] of steps) {
        expect(await store.write(id, version(to), expected, day), `${to} over ${expected}`).toBe(written);
        if (written) there = to;
        expect(await store.read(id)).toEqual(version(there));
      }
    });

    test("removes only the version expected", async () => {
      const { store, storage, id, key } = await setUp();
      expect(await store.write(id, undefined, 0, day)).toBe(true);
      expect(await store.write(id, undefined, 1, day)).toBe(false);
      await store.write(id, toRecordOf({}), 0, day);
      expect(await store.write(id, undefined, 0, day)).toBe(false);
      expect(await store.write(id, undefined, 2, day)).toBe(false);
      expect(await store.read(id)).toEqual(toRecordOf({}));
      expect(await store.write(id, undefined, 1, day)).toBe(true);
      expect(await store.read(id)).toBeUndefined();
      expect(await storage.hasItem(key)).toBe(false);
      expect(await store.write(id, toRecordOf({ again: 1 }), 0, day)).toBe(true);
    });

    test("hands out what can be changed, and keeps what it was given", async () => {
      const { store, id } = await setUp();
      const data = { list: [1] };
      await store.write(id, toRecordOf(data), 0, day);
      data.list.push(2);
      const first = (await store.read(id)) as SessionRecord;
      (first.data["list"] as number[]).push(3);
      Object.assign(first, { version: 9 });
      expect(await store.read(id)).toEqual(toRecordOf({ list: [1] }));
    });

    test("loses no change of a hundred at once", async () => {
      const { store, other, id } = await setUp();
      await Promise.all(Array.from({ length: 100 }, (_, at) => increment(at % 2 ? store : other, id)));
      expect(await store.read(id)).toEqual({ ...toRecordOf({ n: 100 }), version: 100 });
    }, 30_000);

    test("lets one of many make a session, and one of many end it", async () => {
      const { store, other, id } = await setUp();
      const race = async (record: SessionRecord | undefined, expected: number): Promise<boolean[]> => {
        const all = Array.from({ length: 20 }, (_, at) => (at % 2 ? store : other).write(id, record, expected, day));
        return (await Promise.all(all)).filter(Boolean);
      };
      expect(await race(toRecordOf({}), 0)).toEqual([true]);
      expect(await race(undefined, 1)).toEqual([true]);
    });

    test("takes names of prototypes, and lets nothing pollute them", async () => {
      const { store, id } = await setUp();
      const data = { constructor: "c", prototype: {}, toString: 1, hasOwnProperty: null, valueOf: [], then: 2 };
      expect(await store.write(id, toRecordOf(data), 0, day)).toBe(true);
      expect(await store.read(id)).toStrictEqual(toRecordOf(data));
      const hostile = { ...toRecordOf(JSON.parse(pollution) as Record<string, unknown>), version: 2 };
      expect(await store.write(id, hostile, 1, day)).toBe(true);
      const there = await store.read(id);
      expect(JSON.stringify(there?.data)).toBe('{"list":[{"kept":1}],"constructor":{"name":"x"}}');
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    });

    test("keeps deep and large records", async () => {
      const { store, id } = await setUp();
      const deep = JSON.parse(`${'{"a":'.repeat(1_500)}[]${"}".repeat(1_500)}`) as Record<string, unknown>;
      expect(await store.write(id, toRecordOf(deep), 0, day)).toBe(true);
      expect(JSON.stringify((await store.read(id))?.data)).toBe(JSON.stringify(deep));
      const large = { ...toRecordOf({ text: 'é"'.repeat(1_000_000) }), version: 2 };
      expect(await store.write(id, large, 1, day)).toBe(true);
      expect(await store.read(id)).toEqual(large);
    });

    test("refuses data that are no JSON, and keeps what is there", async () => {
      const { store, id } = await setUp();
      await store.write(id, toRecordOf({}), 0, day);
      await expect(store.write(id, { ...toRecordOf({ n: 1n }), version: 2 }, 1, day)).rejects.toThrow(TypeError);
      expect(await store.read(id)).toEqual(toRecordOf({}));
    });

    test("writes one key for each session, as JSON", async () => {
      const { store, storage, id, key } = await setUp();
      const record = toRecordOf({ n: 1 });
      await store.write(id, record, 0, day);
      await store.write(id, { ...record, version: 2 }, 1, day);
      await store.write(id, { ...record, version: 2 }, 1, day);
      await store.read(randomId());
      expect(await storage.getKeys()).toEqual([key]);
      expect(await storage.getItem(key)).toEqual({ ...record, version: 2 });
    });

    test("names the ids of its sessions, and nothing else", async () => {
      const { store, storage } = await setUp();
      expect(await idsOf(store)).toEqual([]);
      const ids = Array.from({ length: 50 }, randomId).toSorted();
      await Promise.all(ids.map((id) => store.write(id, toRecordOf({}), 0, day)));
      await storage.setItem("other:key", 1);
      await storage.setItem(`prism-session:deeper:${randomId()}`, 1);
      await storage.setItem(`prism-session-not:${randomId()}`, 1);
      await storage.setItem("prism-session:short", 1);
      expect(await idsOf(store)).toEqual(ids);
    });

    test.each(foreignTexts)("takes what is no record for nothing: %s", async (_, text) => {
      const { store, storage, id, key } = await setUp();
      const put = (): Promise<void> => storage.setItem(key, text);
      await put();
      expect(await store.read(id)).toBeUndefined();
      expect(await store.write(id, undefined, 0, day)).toBe(true);
      expect(await storage.hasItem(key)).toBe(false);
      await put();
      expect(await store.write(id, toRecordOf({}), 0, day)).toBe(true);
      expect(await store.read(id)).toEqual(toRecordOf({}));
    });

    if (traits.expires) {
      test("lets records go when their time is over", async () => {
        const { store, lifeOf, id } = await setUp();
        await store.write(id, toRecordOf({}), 0, 90_500);
        expect(await lifeOf?.(id)).toSatisfy((ms: number) => ms > 80_000 && ms <= 91_000);
        await store.write(id, { ...toRecordOf({}), version: 2 }, 1, day);
        expect(await lifeOf?.(id)).toSatisfy((ms: number) => ms > day - 10_000 && ms <= day);
        await store.write(id, { ...toRecordOf({}), version: 3 }, 2, 0.5);
        await expect.poll(() => store.read(id), { timeout: 10_000 }).toBeUndefined();
      });
    }
  });
}
