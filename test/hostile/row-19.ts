// Row 19: pages of other sites, which have the visitor's cookies sent along (cross-site WebSocket hijacking).
import { describe, expect, test } from "vitest";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { Enemy } from "./enemy.ts";
import type { AppName } from "./server/run.ts";
import type { Stage } from "./stage.ts";

/** Origins that are not the server's, whose `Host` is `good.example`. */
const strangers: readonly string[] = [
  "http://evil.example",
  "https://evil.example",
  "null",
  "http://good.example.evil",
  "http://evil-good.example",
  "http://evilgood.example",
  "http://sub.good.example",
  "http://goodXexample",
  "http://example",
  "http://good.example:81",
  "http://good.example:8080",
  "http://good.example:80",
  "https://good.example:444",
  "http://good.example.",
  "http://GOOD.EXAMPLE",
  "http://Good.example",
  "HTTP://good.example",
  "http://user@good.example",
  "http://user:secret@good.example",
  "http://good.example@evil.example",
  "http://good.example:evil@evil.example",
  "http://good.example/",
  "http://good.example/path",
  "http://good.example?x",
  "http://good.example#x",
  "http://good.example\\@evil.example",
  "http:good.example",
  "http:/good.example",
  "http:///good.example",
  "//good.example",
  "good.example",
  "ws://good.example",
  "wss://good.example",
  "ftp://good.example",
  "file://",
  "about:blank",
  "data:text/html,x",
  "chrome-extension://abcdefghijklmnop",
  "javascript:alert(1)//http://good.example",
  "http://good.example, http://evil.example",
  "http://evil.example, http://good.example",
  "http://evil.example http://good.example",
  "http://[::1]",
  "http://127.0.0.1",
  "http://localhost",
  "*",
  "same",
  "undefined",
  "http://good.%65xample",
  "http://xn--good-example",
  `http://${"a".repeat(4_000)}.good.example`,
  "http://good.example\t.evil",
];

const host =
  (...lines: string[]) =>
  (request: string) =>
    request.replace("Host: good.example", lines.join("\r\n"));

/**
 * Guards against an origin check by substring, pattern, prefix or reflection, against a host that is taken from the
 * request's URL, and against a check that comes after the upgrade.
 */
export function row19(stage: Stage): void {
  describe("row 19: cross-site WebSocket hijacking", () => {
    const logged: string[] = [];

    async function statusOf(
      app: AppName,
      headers: readonly string[],
      change = (text: string) => text,
    ): Promise<number> {
      const request = upgradeRequest({ target: "/prism", headers: ["Sec-WebSocket-Protocol: prism.1", ...headers] });
      const enemy = new Enemy(stage.ports[app], change(request));
      const status = await enemy.status;
      enemy.tcp.destroy();
      return status;
    }

    test("the server's own pages get in, and programs, which have no origin", async () => {
      expect(await statusOf("vault", ["Origin: http://good.example"])).toBe(101);
      // A proxy may have decrypted it.
      expect(await statusOf("vault", ["Origin: https://good.example"])).toBe(101);
      expect(await statusOf("vault", [])).toBe(101);
      const port = (text: string): string => text.replace("Host: good.example", "Host: good.example:81");
      expect(await statusOf("vault", ["Origin: http://good.example:81"], port)).toBe(101);
      const upper = (text: string): string => text.replace("Host: good.example", "Host: GOOD.example");
      expect(await statusOf("vault", ["Origin: http://good.example"], upper)).toBe(101);
    });

    test("all others get 403, before any hook and any session", async () => {
      const { admitted } = await stage.desk.counts();
      const { sessions } = await stage.desk.state("vault");
      for (const origin of strangers) {
        const visitor = stage.visitor("vault");
        const enemy = await visitor.knock({ headers: [`Origin: ${origin}`] });
        expect(await enemy.status, origin).toBe(403);
        expect(enemy.head, origin).not.toMatch(/set-cookie|access-control|evil/i);
        enemy.tcp.destroy();
      }
      const { admitted: after } = await stage.desk.counts();
      expect(after).toBe(admitted);
      expect((await stage.desk.state("vault")).sessions).toBe(sessions);
      logged.push(...(await stage.desk.notices()));
      expect(logged).toHaveLength(strangers.length);
      expect(logged.every((line) => line.startsWith("vault warn Refused by the option origins ("))).toBe(true);
      expect(logged).toContain(
        'vault warn Refused by the option origins (prism({ origins: ["same", "http://evil.example"] }))',
      );
    });

    test("nor do they get the cookie of a ticket", async () => {
      for (const origin of strangers.filter((one) => !/[\t]/.test(one))) {
        const { status, headers } = await stage.visitor("vault").redeem("x", { origin });
        expect(status, origin).toBe(403);
        expect(headers["access-control-allow-origin"], origin).toBeUndefined();
      }
    });

    test("several origins, an empty one, and headers that look like one", async () => {
      const good = "Origin: http://good.example";
      const evil = "Origin: http://evil.example";
      const refused: readonly (readonly string[])[] = [
        [good, evil],
        [evil, good],
        [good, good],
        [evil, "Sec-WebSocket-Origin: http://good.example"],
        [evil, "X-Forwarded-Host: evil.example"],
        [evil, "Forwarded: host=evil.example"],
        ["ORIGIN: http://evil.example"],
        ["origin:http://evil.example"],
      ];
      for (const headers of refused) expect(await statusOf("vault", headers), headers.join()).toBeOneOf([400, 403]);
      expect(await statusOf("vault", ["Origin:"])).toBeOneOf([400, 403]);
      await stage.desk.notices();
    });

    test("the host is the header's: not that of the request's target, and not one of two", async () => {
      const evil = "Origin: http://evil.example";
      const target = (text: string) => (request: string) => request.replace("GET /prism", `GET ${text}`);
      const games: readonly [what: string, change: (request: string) => string][] = [
        ["an absolute target", target("http://evil.example/prism")],
        ["an absolute target in upper case", target("HTTP://EVIL.EXAMPLE/prism")],
        ["an absolute target with the good host as its user", target("http://good.example@evil.example/prism")],
        ["two slashes", target("//evil.example/prism")],
        ["two slashes and the path", target("//evil.example//prism")],
        ["backslashes", target("/\\evil.example/prism")],
        ["a path with an at sign", target("@evil.example/prism")],
        ["the path below another", target("/x/../prism")],
        ["two hosts, the evil one last", host("Host: good.example", "Host: evil.example")],
        ["two hosts, the evil one first", host("Host: evil.example", "Host: good.example")],
        ["a host on two lines", host("Host: good.example", " evil.example")],
        ["no host", host("X: y")],
      ];
      const statuses: Record<string, number> = {};
      for (const [what, change] of games) statuses[what] = await statusOf("vault", [evil], change);
      console.log(`${stage.name}: ${JSON.stringify(statuses)}`);
      for (const [what, status] of Object.entries(statuses)) expect([0, 400, 403, 404, 426], what).toContain(status);
      await stage.desk.notices();
    });

    const badHosts = [
      "good.example, evil.example",
      "good.example@evil.example",
      "good.example/evil.example",
      "",
      "[",
      "a b",
    ];
    // Bun and Deno put it into the URL of the request, which then is none.
    test("a host that is none is refused, and no exception", async () => {
      try {
        for (const text of badHosts) {
          const change = host(`Host: ${text}`);
          expect(await statusOf("vault", ["Origin: http://evil.example"], change), text).toBeOneOf([
            400, 403, 404, 426,
          ]);
        }
        expect(stage.errors()).toBe("");
      } finally {
        await stage.desk.notices();
        stage.forgive();
      }
    });

    test("an app that asks for an origin lets nobody in without, and those of its list", async () => {
      expect(await statusOf("strict", [])).toBe(403);
      expect(await statusOf("strict", ["Origin: https://app.example"])).toBe(101);
      expect(await statusOf("strict", ["Origin: http://good.example"])).toBe(101);
      const others = [
        "http://app.example",
        "https://app.example.evil",
        "https://APP.example",
        "https://app.example:443",
      ];
      for (const origin of [...others, "https://app.example/", "https://sub.app.example", "null"]) {
        expect(await statusOf("strict", [`Origin: ${origin}`]), origin).toBe(403);
      }
      expect(await stage.desk.notices()).toContain(
        "strict warn Refused by the option origins (prism({ origins: { required: false } }))",
      );
    });

    test("is fine", () => stage.expectFine());
  });
}
