import type { Body } from "./dialect.ts";

/** What most calls carry. */
export const SMALL = '{"n":1}';

/** JSON of about so many bytes: rows, as a page of results has, with letters beyond ASCII in them. */
export function listBody(bytes: number): string {
  const row = (id: number) => ({ id, name: `Zoë Müller ${id}`, tags: ["red", "round", "ripe"], done: id % 2 === 0 });
  const items = [row(0)];
  let length = JSON.stringify({ items }).length;
  while (length < bytes) {
    const next = row(items.length);
    items.push(next);
    length += JSON.stringify(next).length + 1;
  }
  return JSON.stringify({ items });
}

/** Whether a body is one of `listBody`'s. */
export function isList(body: string): boolean {
  return body.startsWith('{"items"');
}

/** So many bytes, of all values. */
export function bytesBody(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (at * 31) & 255);
}

/** How long a body is, in bytes. */
export function lengthOf(body: Body): number {
  return Buffer.byteLength(body);
}
