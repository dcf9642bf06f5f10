import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SessionCookie, type CookieOptions } from "../../src/session/cookie.ts";

const value = "s:AbCdEfGhIjKlMnOpQrSt_-.a+b/c";
const written = "s%3AAbCdEfGhIjKlMnOpQrSt_-.a%2Bb%2Fc";

describe("the cookie that is set", () => {
  test.each<[what: string, CookieOptions, https: boolean, name: string, rest: string]>([
    ["on http", {}, false, "prism.sid", "Path=/; HttpOnly; SameSite=Lax"],
    ["on https", {}, true, "__Host-prism.sid", "Path=/; HttpOnly; SameSite=Lax; Secure"],
    ["with a name", { name: "sid" }, true, "__Host-sid", "Path=/; HttpOnly; SameSite=Lax; Secure"],
    [
      "for a domain, which the prefix forbids",
      { domain: "example.com" },
      true,
      "prism.sid",
      "Path=/; Domain=example.com; HttpOnly; SameSite=Lax; Secure",
    ],
    ["for strict", { sameSite: "strict" }, false, "prism.sid", "Path=/; HttpOnly; SameSite=Strict"],
    [
      "for all sites, which browsers take only where it is secure",
      { sameSite: "none" },
      false,
      "__Host-prism.sid",
      "Path=/; HttpOnly; SameSite=None; Secure",
    ],
    ["that is secure", { secure: true }, false, "__Host-prism.sid", "Path=/; HttpOnly; SameSite=Lax; Secure"],
    ["that is not", { secure: false }, true, "prism.sid", "Path=/; HttpOnly; SameSite=Lax"],
    [
      "with all of it",
      { name: "a", domain: ".a.example", sameSite: "strict", secure: true },
      false,
      "a",
      "Path=/; Domain=.a.example; HttpOnly; SameSite=Strict; Secure",
    ],
  ])("%s", (_, options, https, name, rest) => {
    const cookie = new SessionCookie(options, 86_400_000);
    expect(cookie.write(value, https)).toBe(`${name}=${written}; Max-Age=86400; ${rest}`);
    expect(cookie.write(undefined, https), "the same, so that browsers take it back").toBe(
      `${name}=; Max-Age=0; ${rest}`,
    );
    expect(cookie.name(https)).toBe(name);
    expect(cookie.read(`${name}=${written}`, https)).toEqual([value]);
  });

  test.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [604_800_000, 604_800],
  ])("that lives for %d ms says %d s", (ttl, seconds) => {
    expect(new SessionCookie({}, ttl).write("v", false)).toContain(`; Max-Age=${seconds}; `);
  });

  test.each<[string, CookieOptions]>([
    ["no name", { name: "" }],
    ["a name with an equals sign", { name: "a=b" }],
    ["a name with a semicolon", { name: "a;b" }],
    ["a name with a space", { name: "a b" }],
    ["a name with a line", { name: "a\nb" }],
    ["a name that ends in a line", { name: "a\n" }],
    ["a name beyond ASCII", { name: "é" }],
    ["a name with U+2028", { name: "a\u2028" }],
    ["a long name", { name: "a".repeat(65) }],
    ["a prefix, which it sets itself", { name: "__Host-sid" }],
    ["another prefix, in other letters", { name: "__secure-sid" }],
    ["a domain with a port", { domain: "example.com:80" }],
    ["a domain with an attribute", { domain: "example.com; Path=/x" }],
    ["a domain that ends in a line", { domain: "example.com\n" }],
    ["a domain with a path", { domain: "example.com/" }],
    ["an empty domain", { domain: "" }],
    ["a domain of dots", { domain: ".." }],
    ["a long domain", { domain: `${"a.".repeat(127)}aa` }],
    ["a long label", { domain: "a".repeat(100_000) + "!" }],
    ["another sameSite", { sameSite: "Lax" as never }],
    ["a sameSite with more", { sameSite: "lax; Domain=evil.example" as never }],
    ["none on http", { sameSite: "none", secure: false }],
  ])("is refused with %s", (_, options) => {
    const start = performance.now();
    expect(() => new SessionCookie(options, 1)).toThrow(TypeError);
    expect(performance.now() - start).toBeLessThan(100);
  });

  test("is one line of ASCII with its attributes, whatever the value", () => {
    const cookie = new SessionCookie({ domain: "example.com" }, 1);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (value, https) => {
        fc.pre(!/\p{Cs}/u.test(value));
        const text = cookie.write(value, https);
        expect(text).toMatch(/^[\x21-\x7e]+(; [\x21-\x7e]+)+$/);
        expect(text.split(";")).toHaveLength(https ? 7 : 6);
        expect(cookie.read(text.split(";")[0]!, https)).toEqual([value]);
      }),
    );
    for (const bad of ["\r\nSet-Cookie: a=b", "a; Domain=evil.example", "\u2028", "\0", "a,b"]) {
      expect(cookie.write(bad, true)).not.toMatch(/[\r\n\0\u2028,]|Domain=evil/);
    }
  });
});

describe("the cookies of a request", () => {
  const cookie = new SessionCookie({}, 1);

  test.each<[what: string, header: string | null, values: string[]]>([
    ["none", null, []],
    ["nothing", "", []],
    ["one", "prism.sid=a", ["a"]],
    ["one among others", "a=1; prism.sid=x; b=2", ["x"]],
    ["no room", "a=1;prism.sid=x;b=2", ["x"]],
    ["much room, and tabs", " \t a=1 ;\t prism.sid \t= \tx\t ; b=2", ["x"]],
    ["several of a name, in their order", "prism.sid=a; prism.sid=b; c=d; prism.sid=e", ["a", "b", "e"]],
    ["an empty one", "prism.sid=", [""]],
    ["an empty one that hides none", "prism.sid=; prism.sid=a", ["", "a"]],
    ["a value with an equals sign", "prism.sid=a=b==", ["a=b=="]],
    ["escapes", "prism.sid=s%3Aa%2Bb%2f%20%C3%A9", ["s:a+b/ é"]],
    ["escapes that are none", "prism.sid=%; prism.sid=%zz; prism.sid=%C3; prism.sid=a", ["", "", "", "a"]],
    ["no equals sign", "prism.sid; prism.sid", []],
    ["another case", "Prism.sid=a; PRISM.SID=b", []],
    ["a longer name", "prism.sid2=a; xprism.sid=b; prism-sid=c", []],
    ["the name in a value", 'a="; prism.sid=x"', ['x"']],
    ["the name of https", "__Host-prism.sid=a", []],
    ["an escaped name", "prism%2Esid=a", []],
    ["room that is none to a browser", "\u00a0prism.sid=a; prism.sid\u00a0=b; \ufeffprism.sid=c; \vprism.sid=d", []],
    ["such room in a value, which stays", "prism.sid=\u00a0a\u00a0", ["\u00a0a\u00a0"]],
    ["names of prototypes", "__proto__=a; constructor=b; toString=c", []],
  ])("with %s", (_, header, values) => {
    expect(cookie.read(header, false)).toEqual(values);
  });

  test("are read by their prefix on https: no other host can have set it", () => {
    expect(cookie.read("prism.sid=a; __Host-prism.sid=b", true)).toEqual(["b"]);
    // A browser lets any page of the domain set these, and they must not pass for the one with the prefix.
    const alike = ["\u00a0", "\u0085", "\u2000", "\ufeff", "\v", "\f"].map((room) => `${room}__Host-prism.sid=evil`);
    expect(cookie.read(alike.join("; "), true)).toEqual([]);
    expect(cookie.read(alike.join(";"), true)).toEqual([]);
  });

  test("in quotes are not those that were set", () => {
    expect(cookie.read('prism.sid="a"', false)).toEqual(['"a"']);
  });

  test("of one name are looked at only so far", () => {
    const many = Array.from({ length: 2_000 }, (_, at) => `prism.sid=${at}`).join("; ");
    const values = cookie.read(many, false);
    expect(values.length).toBeGreaterThanOrEqual(4);
    expect(values.length).toBeLessThanOrEqual(16);
    expect(values).toEqual(Array.from(values.keys(), String));
  });

  test.each([
    ["semicolons", ";"],
    ["equals signs", "="],
    ["spaces", " "],
    ["tabs", "\t"],
    ["percents", "%"],
    ["names", "prism.sid="],
    ["names and room", "prism.sid  ="],
    ["quotes", '"'],
    ["empty pairs", "=;"],
    ["room around", " \t;\t "],
  ])("made of %s take no more than linear time", (_, unit) => {
    const sizes = [16_384, 16_384 * 16].map((size) => unit.repeat(size / unit.length));
    const times = sizes.map((header) => {
      const start = performance.now();
      for (let run = 0; run < 5; run++) cookie.read(`${header}; prism.sid=${header}`, false);
      return performance.now() - start;
    });
    // 16 times as much in 256 times as long would be 16 s; machines differ.
    expect(times[1]).toBeLessThan(500);
  });

  test("that are anything are read without an error", () => {
    const piece = fc.oneof(fc.constantFrom("prism.sid", "=", ";", "%", "%41", '"', " ", "\t", ","), fc.string());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        for (const one of cookie.read(pieces.join(""), false)) expect(one).toBeTypeOf("string");
      }),
    );
  });
});
