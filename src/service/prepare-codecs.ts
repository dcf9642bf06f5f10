import { toCodec } from "../wire/codecs.ts";
import type { CodecOptions } from "./service-codecs.ts";

/**
 * Puts a codec in the place of its name, and around a codec of one's own what looks after it.
 *
 * @param definition a service, or its client half
 * @returns the same, with its codecs
 * @throws {TypeError} for a name that there is not
 */
export function prepareCodecs<Definition extends CodecOptions>(definition: Definition): Definition {
  // Whoever takes it says what is wrong with one that is none.
  const { codec, callCodec, messageCodec } = (definition as Definition | undefined) ?? {};
  const prepared: { -readonly [Key in keyof CodecOptions]: CodecOptions[Key] } = {};
  if (codec !== undefined) prepared.codec = toCodec(codec);
  if (callCodec !== undefined) prepared.callCodec = toCodec(callCodec);
  if (messageCodec !== undefined) prepared.messageCodec = toCodec(messageCodec);
  return Object.keys(prepared).length === 0 ? definition : { ...definition, ...prepared };
}
