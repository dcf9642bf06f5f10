import { toCodec, type AnyCodec, type Codec, type CodecName } from "../wire/codecs.ts";

/** How a service says that its bodies are written. */
export interface CodecOptions {
  readonly codec?: CodecName | AnyCodec | undefined;
  readonly callCodec?: AnyCodec | undefined;
  readonly messageCodec?: AnyCodec | undefined;
}

/** How a service's bodies are written. */
export interface ServiceCodecs {
  /** Results and items. */
  readonly value: Codec;
  /** Calls. */
  readonly call: Codec;
  /** Messages. */
  readonly message: Codec;
}

/**
 * The codecs of a service.
 *
 * @param options what it says
 * @returns one for each kind of body
 * @throws {TypeError} for a name that there is not
 */
export function toServiceCodecs({ codec, callCodec, messageCodec }: CodecOptions): ServiceCodecs {
  const value = toCodec(codec);
  const of = (own: AnyCodec | undefined): Codec => (own === undefined ? value : toCodec(own));
  return { value, call: of(callCodec), message: of(messageCodec) };
}
