import { describe, expect, test } from "vitest";
import { prism, type PrismOptions } from "../../mod.ts";
import type { PeerInfo } from "../../src/server/admission.ts";
import { Front, type TrustProxy } from "../../src/server/front.ts";
import { admit, createStage } from "./raw.ts";

const own: PeerInfo = { remoteAddress: "10.0.0.9" };

function request(headers: Record<string, string> = {}, url = "http://10.0.0.5:8080/prism"): Request {
  return new Request(url, { headers: { host: "10.0.0.5:8080", ...headers } });
}

/** The address that is believed. */
function addressOf(trustProxy: TrustProxy, forwarded: string | undefined, info = own): string | undefined {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  return new Front(trustProxy).peer(request(headers), info).remoteAddress;
}

describe("the address of a client", () => {
  test.each<[trust: TrustProxy, forwarded: string | undefined, address: string]>([
    [false, undefined, "10.0.0.9"],
    [false, "192.0.2.1", "10.0.0.9"],
    [0, "192.0.2.1, 192.0.2.2", "10.0.0.9"],
    [true, undefined, "10.0.0.9"],
    [true, "", "10.0.0.9"],
    [true, " , ", "10.0.0.9"],
    [true, "192.0.2.1", "192.0.2.1"],
    [true, "  192.0.2.1\t", "192.0.2.1"],
    // What stands before the proxy's own word is the client's.
    [true, "203.0.113.7, 192.0.2.1", "192.0.2.1"],
    [1, "127.0.0.1,203.0.113.7,192.0.2.1", "192.0.2.1"],
    [2, "203.0.113.7, 192.0.2.1, 10.0.0.2", "192.0.2.1"],
    [2, "192.0.2.1, 10.0.0.2", "192.0.2.1"],
    [3, "192.0.2.1, 10.0.0.2", "192.0.2.1"],
    [16, "192.0.2.1", "192.0.2.1"],
    [true, "2001:db8::1", "2001:db8::1"],
    [true, "::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    [true, "unknown", "unknown"],
    // Some proxies tell the client's port, too: each connection has another.
    [true, "192.0.2.1:54321", "192.0.2.1"],
    [true, "[2001:db8::1]:54321", "2001:db8::1"],
    [true, "[2001:db8::1]", "2001:db8::1"],
    [true, "203.0.113.7:1, 192.0.2.1:2", "192.0.2.1"],
  ])("trusting %s with %j is %s", (trust, forwarded, address) => {
    expect(addressOf(trust, forwarded)).toBe(address);
  });

  test("is the proxy's own where it says nothing, and nobody's where nobody knows", () => {
    expect(addressOf(false, "192.0.2.1", {})).toBeUndefined();
    expect(addressOf(true, "192.0.2.1", {})).toBe("192.0.2.1");
    expect(addressOf(true, undefined, {})).toBeUndefined();
  });

  test("is taken from no other header", () => {
    const headers = { "x-real-ip": "192.0.2.1", forwarded: "for=192.0.2.1", "cf-connecting-ip": "192.0.2.1" };
    expect(new Front(true).peer(request(headers), own)).toBe(own);
  });

  test("of 10,000 is found at once", () => {
    const start = performance.now();
    expect(addressOf(1, `${"1.1.1.1,".repeat(10_000)}192.0.2.1`)).toBe("192.0.2.1");
    expect(addressOf(1, `[${"[".repeat(60_000)}`)).toBeTypeOf("string");
    expect(addressOf(1, "1.".repeat(30_000))).toBeTypeOf("string");
    expect(performance.now() - start).toBeLessThan(200);
  });

  test.each<[PrismOptions["trustProxy"], string]>([
    [undefined, "10.0.0.9"],
    [true, "192.0.2.1"],
  ])("is what the app's hooks, its connections and its routes hear, trusting %s", async (trustProxy, address) => {
    const heard: unknown[] = [];
    const { options } = createStage({
      ...(trustProxy === undefined ? {} : { trustProxy }),
      admit: (_, peer) => void heard.push(peer.remoteAddress),
      fetch: (_, peer) => {
        heard.push(peer.remoteAddress);
        return new Response();
      },
    });
    const app = prism(options);
    const headers = { "x-forwarded-for": "203.0.113.7, 192.0.2.1" };
    (await admit(app, { headers, ...own })).abandon();
    await app.fetch(request(headers, "http://localhost/other"), own);
    expect(heard).toEqual([address, address]);
  });
});

describe("whether a request was encrypted", () => {
  test.each<[trust: TrustProxy, proto: string | undefined, url: string, https: boolean]>([
    [false, undefined, "http://a/", false],
    [false, undefined, "https://a/", true],
    [false, "https", "http://a/", false],
    [false, "http", "https://a/", true],
    [true, undefined, "http://a/", false],
    [true, undefined, "https://a/", true],
    [true, "https", "http://a/", true],
    [true, "http", "https://a/", false],
    [true, "HTTPS", "http://a/", true],
    // Some proxies say so of an upgrade.
    [true, "wss", "http://a/", true],
    [true, "ws", "https://a/", false],
    [true, "https, http", "http://a/", false],
    [true, "http, https", "http://a/", true],
    [2, "https, http", "http://a/", true],
    [2, "http, https, http", "http://a/", true],
    [2, "https", "http://a/", true],
    [true, "", "https://a/", true],
    [true, "httpsx", "http://a/", false],
    [true, "nonsense", "https://a/", false],
  ])("trusting %s with %j at %s: %s", (trust, proto, url, https) => {
    const headers: Record<string, string> = proto === undefined ? {} : { "x-forwarded-proto": proto };
    expect(new Front(trust).isHttps(request(headers, url))).toBe(https);
  });

  test("is said by the app's own word before all others", () => {
    const headers = { "x-forwarded-proto": "http" };
    expect(new Front(true, "https://app.example").isHttps(request(headers, "http://a/"))).toBe(true);
    expect(new Front(true, "http://app.example").isHttps(request({ "x-forwarded-proto": "https" }, "https://a/"))).toBe(
      false,
    );
  });

  test("decides which cookie is set, and a client cannot say it", async () => {
    const secret = "a secret of the tests that is long enough";
    const cookieWith = async (trustProxy: TrustProxy, forwarded: string): Promise<string | null> => {
      const app = prism({ ...createStage().options, session: { secret }, trustProxy });
      const admission = await admit(app, { headers: { "x-forwarded-proto": forwarded } });
      admission.abandon();
      return admission.headers.get("set-cookie");
    };
    expect(await cookieWith(false, "https")).toMatch(/^prism\.sid=.*SameSite=Lax$/);
    expect(await cookieWith(true, "https")).toMatch(/^__Host-prism\.sid=.*; Secure$/);
    expect(await cookieWith(1, "https, http")).toMatch(/^prism\.sid=/);
  });
});

describe("the host that was asked for", () => {
  test.each<[trust: TrustProxy, forwarded: string | undefined, host: string]>([
    [false, undefined, "10.0.0.5:8080"],
    [false, "app.example", "10.0.0.5:8080"],
    [true, undefined, "10.0.0.5:8080"],
    [true, "app.example", "app.example"],
    [true, "evil.example, app.example:8443", "app.example:8443"],
    [2, "evil.example, app.example, inner", "app.example"],
    [true, "", "10.0.0.5:8080"],
  ])("trusting %s with %j is %s", (trust, forwarded, host) => {
    const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-host": forwarded };
    expect(new Front(trust).host(request(headers))).toBe(host);
  });

  test("is nobody's where the request does not say it", () => {
    expect(new Front().host(new Request("http://evil.example/"))).toBeUndefined();
  });
});

test.each([-1, 17, 1.5, NaN, Infinity, "loopback", {}, "1.5"])("%s is no number of proxies", (trustProxy) => {
  expect(() => prism({ trustProxy: trustProxy as never })).toThrow(TypeError);
});
