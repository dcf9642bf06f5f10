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
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
