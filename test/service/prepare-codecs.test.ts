import { expect, test } from "vitest";
import { prepareCodecs } from "../../src/service/prepare-codecs.ts";
import { toServiceCodecs } from "../../src/service/service-codecs.ts";
import { defineClient, defineService } from "../../src/service/service.ts";
import { raw } from "../../src/service/values.ts";
import { bytes, json, text, type Codec } from "../../src/wire/codecs.ts";

const rest = { kind: "x", client: () => ({}) };
const own: Codec<string> = { encode: (value) => value, decode: String };

test("what is defined has its codec in the place of its name", () => {
  const codecs = (["json", "text", "bytes"] as const).map((codec) => defineClient({ ...rest, codec }).codec);
  expect(codecs).toEqual([json, text, bytes]);
  expect(defineService({ ...rest, codec: "text", server: () => ({}) }).codec).toBe(text);
  expect(() => defineClient({ ...rest, codec: "xml" as "json" })).toThrow("Unknown codec xml");
});

test("a codec of one's own is looked after, once", () => {
  const half = defineClient({ ...rest, codec: own });
  expect(() => (half.codec as Codec).encode("\x1e")).toThrow(TypeError);
  expect(half.codec).toMatchObject({ clean: true, own });
  expect(defineService({ ...half, server: () => ({}) }).codec).toBe(half.codec);
  expect(prepareCodecs({ callCodec: own, messageCodec: raw })).toMatchObject({ callCodec: { own }, messageCodec: raw });
});

test("what says nothing of codecs stays as it is", () => {
  const none = { ...rest, codec: undefined };
  expect(prepareCodecs(none)).toBe(none);
  expect(prepareCodecs(undefined as never)).toBe(undefined);
});

test("a half that was not defined has no name for a codec, nor one of its own", () => {
  expect(toServiceCodecs({ codec: "json" })).toEqual({ value: json, call: json, message: json });
  expect(toServiceCodecs({ codec: bytes, callCodec: raw })).toEqual({ value: bytes, call: raw, message: bytes });
  for (const codecs of [{ codec: "text" as const }, { codec: own }, { callCodec: own }, { messageCodec: own }]) {
    expect(() => toServiceCodecs(codecs)).toThrow(new TypeError("Codec without defineClient"));
  }
});
