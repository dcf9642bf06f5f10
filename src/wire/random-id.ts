const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Written over by each: most are as long as the one before. */
const codes: number[] = [];
/** 128 bits: nobody guesses one, and no two are the same. */
const BYTES = 16;

/**
 * Makes an id that cannot be guessed.
 *
 * @returns 22 characters of `A–Z a–z 0–9 - _`
 */
export function randomId(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(BYTES)));
}

/**
 * Base64 with the URL's alphabet, unpadded (RFC 4648 section 5).
 *
 * @param bytes the bytes
 * @returns the text
 */
export function toBase64Url(bytes: Uint8Array): string {
  // In one piece: what is cut out of a longer text keeps all of that, and ids are kept by the thousand.
  codes.length = Math.ceil((bytes.length * 8) / 6);
  for (let place = 0, bit = 0; place < codes.length; place++, bit += 6) {
    const at = bit >> 3;
    const two = (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
    codes[place] = ALPHABET.charCodeAt((two >> (10 - (bit & 7))) & 63);
  }
  return String.fromCharCode(...codes);
}
