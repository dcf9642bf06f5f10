import { PrismError } from "../wire/errors.ts";

/** What a signed value says. */
export interface Unsigned {
  /** The id that was signed. */
  readonly id: string;
  /** Whether it was signed with a secret that is on its way out. */
  readonly old: boolean;
}

/** No name of the platforms' own: where it is called differently, or not at all, this compiles all the same. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const ALGORITHM = { name: "HMAC", hash: "SHA-256" };
/** 32 bytes in unpadded base64. */
const SIGNATURE_LENGTH = 43;
/** The form of ids: nothing else is ever looked up. */
const ID = /^[\w-]{22}$/;

/**
 * Signs ids as express-session does, `s:<id>.<signature>`: HMAC-SHA-256 (RFC 2104), standard base64 without its padding.
 */
export class Signer {
  readonly secrets: readonly string[];
  #keys: Promise<Key[]> | undefined;

  /** @param secrets the first signs, all are good for checking */
  constructor(secrets: readonly string[]) {
    this.secrets = secrets;
  }

  /** Signs an id. */
  async sign(id: string): Promise<string> {
    const [key] = await this.#import();
    return `s:${id}.${await toSignature(key!, id)}`;
  }

  /** The id of a signed value; `undefined` if no secret of ours has signed it. */
  async unsign(value: string): Promise<Unsigned | undefined> {
    const dot = value.length - SIGNATURE_LENGTH - 1;
    const id = value.slice(2, dot);
    if (!value.startsWith("s:") || value[dot] !== "." || !ID.test(id)) return undefined;
    let found = -1;
    // All of them, always: how long it takes says nothing.
    for (const [place, key] of (await this.#import()).entries()) {
      if (equal(await toSignature(key, id), value.slice(dot + 1)) && found < 0) found = place;
    }
    return found < 0 ? undefined : { id, old: found > 0 };
  }

  #import(): Promise<Key[]> {
    const encoder = new TextEncoder();
    this.#keys ??= Promise.all(
      this.secrets.map((secret) =>
        crypto.subtle.importKey("raw", encoder.encode(secret), ALGORITHM, false, ["sign"]).catch(() => {
          throw new PrismError("internal", "A secret of the sessions cannot be used");
        }),
      ),
    );
    return this.#keys;
  }
}

async function toSignature(key: Key, id: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.sign(ALGORITHM.name, key, new TextEncoder().encode(id)));
  return btoa(String.fromCharCode(...bytes)).replaceAll("=", "");
}

/**
 * Compares two texts in a time that depends on their lengths alone.
 *
 * @param a a text
 * @param b another
 * @returns whether they are the same
 */
export function equal(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
