import type { SessionRecord } from "../../src/session/session-store.ts";

/** A new session's record. */
export function toRecordOf(data: Readonly<Record<string, unknown>>): SessionRecord {
  return { version: 1, created: 1000.5, seen: 2000, data };
}

const rest = '"created":0,"seen":0';

/** Texts that are no session's record, whatever store they are in. */
export const foreignTexts: readonly (readonly [what: string, text: string])[] = [
  ["no text", ""],
  ["no JSON", "hello"],
  ["half a record", '{"version":1,"created":0,"se'],
  ["null", "null"],
  ["true", "true"],
  ["a number", "123"],
  ["a string", '"{}"'],
  ["a list", "[1]"],
  ["a deep list", "[".repeat(50_000) + "]".repeat(50_000)],
  ["an empty object", "{}"],
  ["a version alone", '{"version":1}'],
  ["no version", `{${rest},"data":{}}`],
  ["version 0", `{"version":0,${rest},"data":{}}`],
  ["version -1", `{"version":-1,${rest},"data":{}}`],
  ["version 1.5", `{"version":1.5,${rest},"data":{}}`],
  ["version 2 ** 53", `{"version":9007199254740992,${rest},"data":{}}`],
  ["a version of 1,000 digits", `{"version":${"9".repeat(1000)},${rest},"data":{}}`],
  ["version in a string", `{"version":"1",${rest},"data":{}}`],
  ["version 01", `{"version":01,${rest},"data":{}}`],
  ["created is null", `{"version":1,"created":null,"seen":0,"data":{}}`],
  ["seen is a string", `{"version":1,"created":0,"seen":"0","data":{}}`],
  ["seen is past all numbers", `{"version":1,"created":0,"seen":1e999,"data":{}}`],
  ["no data", `{"version":1,${rest}}`],
  ["data are null", `{"version":1,${rest},"data":null}`],
  ["data are a list", `{"version":1,${rest},"data":[]}`],
  ["data are a string", `{"version":1,${rest},"data":"x"}`],
  ["all of it in __proto__", `{"version":1,"__proto__":{${rest},"data":{}}}`],
  ["dead is true", `{"version":1,${rest},"data":{},"dead":true}`],
  ["dead is null", `{"version":1,${rest},"data":{},"dead":null}`],
  ["the next is no id", `{"version":1,${rest},"data":{},"dead":{"next":"../x"}}`],
  ["the ticket is a number", `{"version":1,${rest},"data":{},"dead":{"ticket":1}}`],
  ["until is a string", `{"version":1,${rest},"data":{},"dead":{"until":"1"}}`],
];

/** Data with names that pollute prototypes, among others that stay. */
export const pollution =
  '{"__proto__":{"polluted":true},"list":[{"kept":1,"__proto__":{"polluted":true}}],' +
  '"constructor":{"name":"x","constructor":{"prototype":{"polluted":true}}}}';
