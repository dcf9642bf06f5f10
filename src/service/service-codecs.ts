import { json, type AnyCodec, type Codec, type CodecName } from "../wire/codecs.ts";

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
 * The codecs of a service as `prepareCodecs` leaves it: what names mean, and what looks after a codec of one's own, is no
 * part of a client whose services have neither.
 *
 * @param options what it says
 * @returns one for each kind of body
 * @throws {TypeError} for a name but JSON's, and for a codec that nobody looks after
 */
export function toServiceCodecs({ codec, callCodec, messageCodec }: CodecOptions): ServiceCodecs {
  const value = codec === undefined || codec === "json" ? json : codec;
  const codecs = { value, call: callCodec ?? value, message: messageCodec ?? value };
  for (const one of Object.values(codecs))
    if ((one as Codec).clean !== true) throw new TypeError("Codec without defineClient");
  return codecs as ServiceCodecs;
}
