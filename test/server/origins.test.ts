import { describe, expect, test } from "vitest";
import { prism, type PrismOptions } from "../../mod.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createStage } from "./raw.ts";

expectNoUnhandledRejections();

interface Asked {
  readonly url?: string;
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

function setUp(options: PrismOptions = {}) {
  const stage = createStage(options);
  const app = prism(stage.options);

  /** Asks to be let in, as a browser on a page of an origin does. */
  async function ask({ url = "http://localhost/prism", host, origin, headers }: Asked) {
    const all = { upgrade: "websocket", ...headers };
    if (host !== undefined) Object.assign(all, { host });
    if (origin !== undefined) Object.assign(all, { origin });
    return app.admit(new Request(url, { headers: all }), { remoteAddress: "192.0.2.1" });
  }

  /** 101, or why not. */
  async function status(asked: Asked): Promise<number> {
    const answer = await ask(asked);
    if (!isAdmission(answer)) return answer.status;
    answer.abandon();
    return 101;
  }
  return { ...stage, app, ask, status };
}

describe("a page of the server's own", () => {
  test.each<[origin: string, host: string, url?: string]>([
    ["http://app.example", "app.example"],
    ["http://app.example:3000", "app.example:3000"],
    ["http://localhost:3000", "localhost:3000"],
    ["http://app.example", "app.example:80"],
    ["http://app.example", "APP.Example"],
    ["https://app.example", "app.example", "https://made.up/prism"],
    ["https://app.example", "app.example:443", "https://made.up/prism"],
    ["https://app.example:8443", "app.example:8443", "https://made.up/prism"],
    // A proxy that nobody told us of has decrypted it.
    ["https://app.example", "app.example"],
    ["https://app.example", "app.example:443"],
    ["http://127.0.0.1:3000", "127.0.0.1:3000"],
    ["http://[::1]:3000", "[::1]:3000"],
    ["http://[2001:db8::1]", "[2001:DB8:0:0:0:0:0:1]"],
    ["http://xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["http://app.example.", "app.example."],
  ])("%s is let in at host %s", async (origin, host, url) => {
    expect(await setUp().status({ origin, host, ...(url === undefined ? {} : { url }) })).toBe(101);
  });
});

describe("a page of another", () => {
  test.each<[what: string, origin: string, host?: string | undefined]>([
    ["host", "http://evil.example"],
    ["suffix", "http://app.example.evil.example"],
    ["suffix without a dot", "http://app.exampleevil"],
    ["prefix", "http://evil-app.example"],
    ["prefix that is a part", "http://notapp.example"],
    ["host below", "http://sub.app.example"],
    ["host above", "http://example"],
    ["port", "http://app.example:8080"],
    ["port of nothing", "http://app.example:0"],
    ["scheme", "ftp://app.example"],
    ["scheme of a page in a file", "file://app.example"],
    ["scheme of sockets", "ws://app.example"],
    ["scheme of an extension", "chrome-extension://app.example"],
    ["case, as no browser writes it", "http://APP.example"],
    ["case of the scheme", "HTTP://app.example"],
    ["userinfo", "http://app.example@evil.example"],
    ["userinfo before it", "http://evil.example@app.example"],
    ["userinfo with a password", "http://app.example:80@evil.example"],
    ["trailing slash", "http://app.example/"],
    ["path", "http://app.example/evil.example"],
    ["query", "http://app.example?"],
    ["fragment", "http://app.example#"],
    ["backslash", "http://app.example\\@evil.example"],
    ["trailing dot", "http://app.example."],
    ["default port in letters", "http://app.example:80"],
    ["secrecy", "null"],
    ["nothing", ""],
    ["room", " "],
    ["word", "same"],
    ["star", "*"],
    ["undefined", "undefined"],
    ["several", "http://app.example http://evil.example"],
    ["several with a comma", "http://app.example, http://evil.example"],
    ["no scheme", "app.example"],
    ["no scheme but slashes", "//app.example"],
    ["letters that look alike", "http://xn--pp-vka.example"],
    ["encoded", "http://app%2eexample"],
    ["host, where the request has none", "http://app.example", undefined],
    ["nothing, where the request has none", "http://", ""],
    ["host, where the request's has userinfo", "http://evil.example", "app.example@evil.example"],
    ["host, where the request's has a path", "http://app.example", "app.example/x"],
    ["host, where the request's has several", "http://app.example", "app.example, evil.example"],
    ["secrecy, where the request's host is none", "null", "a b"],
  ])("%s is refused: %j", async (_, origin, ...[host]) => {
    const asked = {
      origin,
      host: _.includes("the request has none") && origin !== "http://" ? undefined : (host ?? "app.example"),
    };
    expect(await setUp().status(asked)).toBe(403);
    expect(await setUp({ origins: ["same"] }).status(asked)).toBe(403);
  });

  test("is refused by its scheme where the request was encrypted", async () => {
    const { status } = setUp();
    expect(await status({ url: "https://app.example/prism", host: "app.example", origin: "http://app.example" })).toBe(
      403,
    );
  });

  test("is refused whatever host the URL of the request has", async () => {
    const { status } = setUp();
    const url = "http://evil.example/prism";
    expect(await status({ url, origin: "http://evil.example" })).toBe(403);
    expect(await status({ url, host: "app.example", origin: "http://evil.example" })).toBe(403);
  });

  test("is refused whatever it says of proxies", async () => {
    const { status } = setUp();
    const headers = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      forwarded: "host=evil.example",
    };
    expect(await status({ host: "app.example", origin: "http://evil.example", headers })).toBe(403);
    expect(await status({ host: "app.example", origin: "https://evil.example", headers })).toBe(403);
  });

  test("is refused before the app's hook, its session and anything of the upgrade", async () => {
    let asked = 0;
    const { ask, app } = setUp({ admit: () => void asked++, session: { secret: "x".repeat(32) } });
    const answer = (await ask({ host: "app.example", origin: "http://evil.example" })) as Response;
    expect([answer.status, await answer.text(), asked]).toEqual([403, "Origin not allowed", 0]);
    expect([...answer.headers.keys()]).toEqual(["content-type"]);
    expect(app.stats().connections).toBe(0);
  });
});

describe("what is no page", () => {
  test("is let in without an origin", async () => {
    const { status } = setUp();
    expect(await status({ host: "app.example" })).toBe(101);
    expect(await status({})).toBe(101);
  });

  test("is refused where an origin is required", async () => {
    const { status, log } = setUp({ origins: { required: true } });
    expect(await status({ host: "app.example" })).toBe(403);
    expect(log.at(-1)?.data).toMatchObject({ toAllow: "prism({ origins: { required: false } })" });
    expect(await status({ host: "app.example", origin: "http://app.example" })).toBe(101);
    expect(await status({ host: "app.example", origin: "http://evil.example" })).toBe(403);
  });

  test("is let in beside a list, a function or a star, and refused beside each of them where one is required", async () => {
    for (const allow of [["http://a.example"], ["*"], () => true] as const) {
      expect(await setUp({ origins: allow }).status({})).toBe(101);
      expect(await setUp({ origins: { allow, required: true } }).status({})).toBe(403);
    }
  });
});

describe("behind proxies", () => {
  const inside = { url: "http://10.0.0.5:8080/prism", host: "10.0.0.5:8080" };
  const told = { "x-forwarded-host": "app.example", "x-forwarded-proto": "https" };

  test("the page's host and scheme are those that the trusted ones tell", async () => {
    const { status } = setUp({ trustProxy: true });
    expect(await status({ ...inside, headers: told, origin: "https://app.example" })).toBe(101);
    for (const origin of [
      "http://app.example",
      "http://10.0.0.5:8080",
      "https://10.0.0.5:8080",
      "https://evil.example",
    ]) {
      expect(await status({ ...inside, headers: told, origin }), origin).toBe(403);
    }
    expect(await status({ ...inside, host: "app.example", origin: "http://app.example" }), "that say nothing").toBe(
      101,
    );
  });

  test("only the last of several words is that of a proxy of ours", async () => {
    const headers = { "x-forwarded-host": "evil.example, app.example", "x-forwarded-proto": "http, https" };
    const { status } = setUp({ trustProxy: 1 });
    expect(await status({ ...inside, headers, origin: "https://app.example" })).toBe(101);
    expect(await status({ ...inside, headers, origin: "https://evil.example" })).toBe(403);
  });

  test("the app's own word stands above all others", async () => {
    const { status } = setUp({ url: "https://app.example", trustProxy: true });
    const headers = { "x-forwarded-host": "evil.example", "x-forwarded-proto": "http" };
    expect(await status({ ...inside, headers, origin: "https://app.example" })).toBe(101);
    for (const origin of ["http://app.example", "http://evil.example", "http://10.0.0.5:8080"]) {
      expect(await status({ ...inside, headers, origin }), origin).toBe(403);
    }
    expect(await status({ host: "evil.example", origin: "https://evil.example" })).toBe(403);
    expect(await status({ origin: "https://app.example" }), "without a host").toBe(101);
  });

  test.each([
    ["https://APP.example:443/", "https://app.example"],
    ["http://app.example:80", "http://app.example"],
    ["http://bücher.example", "http://xn--bcher-kva.example"],
    ["http://[::1]:3000", "http://[::1]:3000"],
  ])("the URL %s is the origin %s", async (url, origin) => {
    expect(await setUp({ url }).status({ origin })).toBe(101);
  });
});

describe("an app's own list", () => {
  const origins = ["https://a.example", "http://b.example:8080", "http://[::1]:1", "http://xn--bcher-kva.example"];

  test("is compared whole", async () => {
    const { status } = setUp({ origins });
    for (const origin of origins) expect(await status({ host: "app.example", origin }), origin).toBe(101);
    for (const origin of [
      "http://a.example",
      "https://a.example:443",
      "https://a.example:8443",
      "https://a.example/",
      "https://A.example",
      "https://sub.a.example",
      "https://a.example.evil.example",
      "https://a-example",
      "http://b.example",
      "http://app.example",
      "https://app.example",
      "null",
      "",
      "https://a.example, http://b.example:8080",
      "same",
    ]) {
      expect(await status({ host: "app.example", origin }), origin).toBe(403);
    }
  });

  test("may have the server's own in it", async () => {
    const { status } = setUp({ origins: { allow: ["same", "https://a.example"] } });
    expect(await status({ host: "app.example", origin: "http://app.example" })).toBe(101);
    expect(await status({ host: "app.example", origin: "https://a.example" })).toBe(101);
    expect(await status({ host: "app.example", origin: "https://b.example" })).toBe(403);
  });

  test("may be empty, and a star lets all in", async () => {
    expect(await setUp({ origins: [] }).status({ host: "app.example", origin: "http://app.example" })).toBe(403);
    const { status } = setUp({ origins: ["*"] });
    for (const origin of ["http://evil.example", "null", "", "file://"]) expect(await status({ origin })).toBe(101);
  });

  test("that the app changes later is the one that it was", async () => {
    const list = ["https://a.example"];
    const { status } = setUp({ origins: list });
    list.push("https://evil.example");
    expect(await status({ origin: "https://evil.example" })).toBe(403);
  });
});

describe("an app's own function", () => {
  test.each<[what: string, judge: (origin: string) => unknown, status: number]>([
    ["says yes", () => true, 101],
    ["says no", () => false, 403],
    ["says yes later", () => Promise.resolve(true), 101],
    ["says no later", () => Promise.resolve(false), 403],
    ["says nothing", () => undefined, 403],
    ["says something like yes", () => "yes", 403],
    ["says something like yes later", () => Promise.resolve(1), 403],
    [
      "throws",
      () => {
        throw new Error("why");
      },
      500,
    ],
    ["throws later", () => Promise.reject(new Error("why")), 500],
    ["throws what is no error", () => Promise.reject("why"), 500],
  ])("that %s is answered with it", async (_, judge, wanted) => {
    const { ask, status, log, app } = setUp({ origins: judge as never });
    const errors: unknown[] = [];
    app.events.on("error", (error) => void errors.push(error));
    expect(await status({ origin: "https://a.example" })).toBe(wanted);
    if (wanted !== 500) return;
    expect(errors).toHaveLength(1);
    expect(log.at(-1)).toMatchObject({ level: "error", message: "Admission failed" });
    expect(await ((await ask({ origin: "https://a.example" })) as Response).text(), "nothing of why").toBe(
      "Internal Server Error",
    );
  });

  test("is asked with the origin as it came, and the request", async () => {
    const asked: unknown[] = [];
    const { status } = setUp({ origins: (origin, request) => asked.push([origin, request.url]) > 0 });
    for (const origin of ["https://A.example/", "null", ""]) await status({ origin });
    await status({});
    const url = "http://localhost/prism";
    expect(asked).toEqual([
      ["https://A.example/", url],
      ["null", url],
      ["", url],
    ]);
  });
});

describe("a refusal", () => {
  test.each<[origin: string, remedy: string]>([
    ["https://a.example", 'prism({ origins: ["same", "https://a.example"] })'],
    ["http://localhost:5173", 'prism({ origins: ["same", "http://localhost:5173"] })'],
    ["null", "prism({ origins: (origin) => … }): it is none that a list can have"],
    ['https://a.example"] }); evil([{"', "prism({ origins: (origin) => … }): it is none that a list can have"],
    ["file://", "prism({ origins: (origin) => … }): it is none that a list can have"],
    ["https://A.example", "prism({ origins: (origin) => … }): it is none that a list can have"],
  ])("of %j says in the log what would let it in", async (origin, toAllow) => {
    const { status, log } = setUp();
    await status({ host: "app.example", origin });
    expect(log).toMatchObject([
      {
        level: "warn",
        message: "Refused by the option origins",
        data: { remoteAddress: "192.0.2.1", origin, toAllow },
      },
    ]);
    expect(String(log[0])).not.toMatch(/[\r\n]/);
    const line = /^prism\(\{ origins: (\[.*\]) \}\)$/.exec(toAllow);
    if (line) {
      const { status } = setUp({ origins: JSON.parse(line[1]!) as string[] });
      expect(await status({ host: "app.example", origin }), "and it does").toBe(101);
    }
  });
});

describe("options that cannot be are refused at once", () => {
  test.each([
    "https://a.example/",
    "https://A.example",
    "https://a.example:443",
    "a.example",
    "*.a.example",
    "https://*.a.example",
    "null",
    "",
    "https://bücher.example",
    "https://a.example, https://b.example",
    "ftp//a",
    "https://user@a.example",
  ])("the origin %j", (origin) => {
    expect(() => prism({ origins: [origin] })).toThrow(TypeError);
    expect(() => prism({ origins: { allow: ["same", origin] } })).toThrow(JSON.stringify(origin));
  });

  test.each([undefined, null, 1, /a/, {}])("an origin that is %s", (origin) => {
    expect(() => prism({ origins: [origin as never] })).toThrow(TypeError);
  });

  test.each(["https://a.example", "*", "same", true, 1, null])("origins that are %s", (origins) => {
    expect(() => prism({ origins: origins as never })).toThrow(TypeError);
  });

  test.each(["https://a.example", true, 1, null, {}])("a list that is %s", (allow) => {
    expect(() => prism({ origins: { allow: allow as never } })).toThrow(TypeError);
  });

  test.each([
    "app.example",
    "",
    "ws://app.example",
    "https://app.example/prism",
    "https://app.example?x",
    "https://app.example#x",
    "https://user@app.example",
    "https://:secret@app.example",
    "null",
  ])("the URL %j", (url) => {
    expect(() => prism({ url })).toThrow(TypeError);
  });
});
