import { isSessionId } from "./session-keys.ts";
import type { DeadSession, SessionRecord } from "./session-store.ts";

/** Where a text has none of these, it has no name that {@linkcode dropPrototypes} drops: `\u00` may hide a letter. */
const suspect = /__proto__|constructor|\\u00/i;

/**
 * A record as the text that is stored: JSON, the version first.
 *
 * @param record the record; members named `__proto__` are left out, as is a `constructor` that has a `prototype`
 * @returns the text
 * @throws {TypeError} if its data are no JSON: a `BigInt`, or what contains itself
 * @throws {RangeError} if they are nested too deep for `JSON.stringify`, some thousands of levels
 */
export function toText(record: SessionRecord): string {
  const { version, created, seen, data, cookie, dead } = record;
  const text = JSON.stringify({ version, created, seen, data, cookie, dead });
  return suspect.test(text) ? JSON.stringify(dropPrototypes(JSON.parse(text))) : text;
}

/**
 * Reads a record from what is stored.
 *
 * @param text anything
 * @returns the record, all of it new; `undefined` if that is not the text of one
 */
export function fromText(text: unknown): SessionRecord | undefined {
  if (typeof text !== "string") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const record = toRecord(suspect.test(text) ? dropPrototypes(value) : value);
  // Who compares versions without reading the whole must see the same one.
  return record && text.startsWith(`{"version":${record.version},`) ? record : undefined;
}

/**
 * Checks what was parsed.
 *
 * @param value anything
 * @returns the record, with the members that a record has and no others; `undefined` if it is none
 */
export function toRecord(value: unknown): SessionRecord | undefined {
  if (!isPlainObject(value)) return undefined;
  const { version, created, seen, data, cookie, dead } = value;
  if (!Number.isSafeInteger(version) || (version as number) < 1) return undefined;
  if (!Number.isFinite(created) || !Number.isFinite(seen) || !isPlainObject(data)) return undefined;
  if (dead !== undefined && !isDead(dead)) return undefined;
  return {
    version: version as number,
    created: created as number,
    seen: seen as number,
    data,
    ...(cookie === undefined ? undefined : { cookie }),
    ...(dead === undefined ? undefined : { dead }),
  };
}

function isDead(value: unknown): value is DeadSession {
  if (!isPlainObject(value)) return false;
  const { next, ticket, until } = value;
  return (
    (next === undefined || (typeof next === "string" && isSessionId(next))) &&
    (ticket === undefined || typeof ticket === "string") &&
    (until === undefined || Number.isFinite(until))
  );
}

/** Whether it is an object such as JSON has; not by `Object.prototype`, of which each realm has its own. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Takes out of parsed JSON what pollutes prototypes once somebody copies it: the same as unstorage does when it reads,
 * so that every store gives back the same. A loop, since `JSON.parse` with a function goes less deep than without.
 */
function dropPrototypes(value: unknown): unknown {
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null) continue;
    for (const [name, member] of Object.entries(next)) {
      if (name === "__proto__" || (name === "constructor" && hasPrototype(member))) Reflect.deleteProperty(next, name);
      else left.push(member);
    }
  }
  return value;
}

function hasPrototype(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "prototype");
}
