import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equal, Signer } from "../../src/session/signature.ts";
import { randomId } from "../../src/wire/random-id.ts";

const secret = "an old secret of the app, long enough";
const id = "AbCdEfGhIjKlMnOpQrSt_-";

/** What the package cookie-signature does, behind express-session's `s:`. */
function toSigned(id: string, secret: string): string {
  return `s:${id}.${createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "")}`;
}

/** Every character that a cookie's value may have after it was decoded, and some that it may not. */
const characters = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code));

describe("a signature", () => {
  test("is that of cookie-signature, so that Express reads it", async () => {
    const signer = new Signer([secret]);
    for (const one of [id, ...Array.from({ length: 50 }, randomId)]) {
      const signed = await signer.sign(one);
      expect(signed).toBe(toSigned(one, secret));
      expect(signed).toMatch(/^s:[\w-]{22}\.[A-Za-z0-9+/]{43}$/);
      expect(await signer.unsign(signed)).toEqual({ id: one, old: false });
    }
  });

  test("is read whatever the secret is made of", async () => {
    const any = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(any, async (secret) => {
        expect(await new Signer([secret]).unsign(toSigned(id, secret))).toEqual({ id, old: false });
      }),
      { numRuns: 50 },
    );
  });

  test("is good after its secret was replaced, and the cookie is to be set anew", async () => {
    const signed = toSigned(id, secret);
    const signer = new Signer(["a new secret of the app, long enough", secret, "another"]);
    expect(await signer.unsign(signed)).toEqual({ id, old: true });
    expect(await signer.sign(id)).toBe(toSigned(id, "a new secret of the app, long enough"));
    expect(await signer.unsign(await signer.sign(id))).toEqual({ id, old: false });
    expect(await new Signer([secret, secret]).unsign(signed)).toEqual({ id, old: false });
    expect(await new Signer(["a new secret of the app, long enough"]).unsign(signed)).toBeUndefined();
    expect(await new Signer([`${secret}\n`, ` ${secret}`, secret.toUpperCase()]).unsign(signed)).toBeUndefined();
  });

  test("is void after any change of one character", async () => {
    const signer = new Signer([secret, "another"]);
    const signed = toSigned(id, secret);
    for (let at = 0; at < signed.length; at++) {
      for (const character of characters) {
        if (character === signed[at]) continue;
        const forged = signed.slice(0, at) + character + signed.slice(at + 1);
        expect(await signer.unsign(forged), forged).toBeUndefined();
      }
    }
  }, 60_000);

  test("is void after any change of one bit", async () => {
    const signer = new Signer([secret]);
    const signed = toSigned(id, secret);
    for (let at = 0; at < signed.length; at++) {
      for (let bit = 0; bit < 16; bit++) {
        const forged =
          signed.slice(0, at) + String.fromCharCode(signed.charCodeAt(at) ^ (1 << bit)) + signed.slice(at + 1);
        expect(await signer.unsign(forged), forged).toBeUndefined();
      }
    }
  });

  test("is void with a character more, less or in another place", async () => {
    const signer = new Signer([secret]);
    const signed = toSigned(id, secret);
    for (let at = 0; at <= signed.length; at++) {
      expect(await signer.unsign(signed.slice(0, at) + signed.slice(at + 1)), `without ${at}`).toSatisfy(
        (found: unknown) => found === undefined || at === signed.length,
      );
      for (const character of "sA:._-+=% \n\0\u2028") {
        expect(await signer.unsign(signed.slice(0, at) + character + signed.slice(at)), `${character} at ${at}`).toBe(
          undefined,
        );
      }
      expect(await signer.unsign(signed.slice(0, at))).toSatisfy(
        (found) => (found === undefined) === at < signed.length,
      );
      if (at > 0) expect(await signer.unsign(signed.slice(at))).toBeUndefined();
    }
  });

  test("is void where its last character says the same in other bits", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const signed = toSigned(id, secret);
    const last = alphabet.indexOf(signed.at(-1)!);
    expect(last % 4, "32 bytes leave two bits over").toBe(0);
    const signer = new Signer([secret]);
    for (const more of [1, 2, 3]) {
      const alike = signed.slice(0, -1) + alphabet[last + more]!;
      expect(Buffer.from(alike.split(".")[1]!, "base64")).toEqual(Buffer.from(signed.split(".")[1]!, "base64"));
      expect(await signer.unsign(alike)).toBeUndefined();
    }
  });

  test("is no other form of the same bytes", async () => {
    const signer = new Signer([secret]);
    let plain = "";
    // One with characters that the other alphabet has not.
    for (let tries = 0; !/[+/]/.test(plain); tries++) plain = toSigned(randomId(), secret);
    for (const forged of [
      `${plain}=`,
      plain.replaceAll("+", "-").replaceAll("/", "_"),
      encodeURIComponent(plain),
      ` ${plain}`,
      `${plain}\n`,
      plain.replace("s:", "S:"),
      plain.slice(2),
      `j:${plain}`,
      `s:${plain}`,
    ]) {
      expect(await signer.unsign(forged), forged).toBeUndefined();
    }
    expect(await signer.unsign(plain)).toBeDefined();
  });

  test("does not let in what was signed and is no id", async () => {
    const signer = new Signer([secret]);
    for (const other of ["", "x", "a.b", `${id}x`, id.slice(1), `${id.slice(1)}.`, `${id.slice(1)}/`, "é".repeat(22)]) {
      expect(await signer.unsign(toSigned(other, secret)), other).toBeUndefined();
    }
  });

  test.each(["", "s", "s:", "s:.", ".", "s:".repeat(30), `s:${".".repeat(66)}`, "A".repeat(43), `.${"A".repeat(43)}`])(
    "is not %j",
    async (value) => {
      expect(await new Signer([secret]).unsign(value)).toBeUndefined();
    },
  );

  test("of 16 KB costs no hash", async () => {
    const signer = new Signer([secret]);
    const start = performance.now();
    for (let run = 0; run < 200; run++) await signer.unsign(`s:${"A".repeat(16_384)}.${"A".repeat(43)}`);
    expect(performance.now() - start).toBeLessThan(500);
  });
});

test("texts are compared whole", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(equal(a, b)).toBe(a === b);
      expect(equal(a, a)).toBe(true);
      expect(equal(a, a + b)).toBe(b === "");
      expect(equal(a + b, a)).toBe(b === "");
    }),
  );
  expect(equal("\0", "")).toBe(false);
  expect(equal("", "\0")).toBe(false);
});
