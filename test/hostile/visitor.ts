import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { connect as secureConnect } from "node:tls";
import { writeNumber } from "../../src/wire/numbers.ts";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { call, Enemy, text, type Welcome } from "./enemy.ts";

const ca = readFileSync(new URL("../adapters/fixtures/localhost.cert.pem", import.meta.url));
// A connection for each request: one that is used again may be closed by its server, as idle, at that very moment.
const agents = { plain: new Agent({ keepAlive: false }), secure: new SecureAgent({ keepAlive: false, ca }) };

/** A failed call. */
export class Failure extends Error {
  readonly code: string;

  constructor(failure: { code: string; message?: string }) {
    super(failure.message);
    this.code = failure.code;
  }
}

/** A visitor's connection. */
export interface Guest extends Enemy {
  readonly welcome: Welcome;
  /**
   * Calls a procedure.
   *
   * @throws {Failure} what the server says
   */
  ask<Result>(procedure: string, input?: unknown): Promise<Result>;
  /** The code with which a call fails; `undefined` where it does not. */
  codeOf(procedure: string, input?: unknown): Promise<string | undefined>;
}

export interface Entrance {
  readonly target?: string;
  readonly headers?: readonly string[];
  /** The token to be shown, where one is asked for. */
  readonly token?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The `set-cookie` headers. */
  readonly cookies: readonly string[];
}

/** Whoever uses an app, as a browser does: with a jar for cookies. */
export class Visitor {
  /** Values by name, as they are sent. */
  readonly jar: Map<string, string> = new Map();
  readonly #port: number;
  readonly #secure: boolean;

  constructor(port: number, options: { readonly secure?: boolean; readonly cookie?: string | undefined } = {}) {
    this.#port = port;
    this.#secure = options.secure ?? false;
    if (options.cookie !== undefined) this.jar.set("prism.sid", options.cookie);
  }

  /** Its cookie. */
  get cookie(): string | undefined {
    return this.jar.get("prism.sid");
  }

  get cookieHeader(): string | undefined {
    const pairs = [...this.jar].map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? undefined : pairs.join("; ");
  }

  /** Knocks; what the server says is in `status` and `head`. */
  async knock({ target = "/prism", headers = [] }: Entrance = {}): Promise<Enemy> {
    const cookie = this.cookieHeader === undefined ? [] : [`Cookie: ${this.cookieHeader}`];
    const opening = upgradeRequest({ target, headers: ["Sec-WebSocket-Protocol: prism.1", ...cookie, ...headers] });
    const tcp = this.#secure
      ? secureConnect({ host: "127.0.0.1", port: this.#port, ca, servername: "localhost" })
      : undefined;
    const enemy = new Enemy(this.#port, opening, tcp);
    await enemy.status;
    this.#keep(setCookies(enemy.head));
    return enemy;
  }

  /** Goes in, up to the answer to the welcome, and to the verdict where there is a token. */
  async enter(entrance: Entrance = {}): Promise<Guest> {
    const enemy = await this.knock(entrance);
    const status = await enemy.status;
    if (status !== 101) throw new Error(`The handshake was answered with ${status}`);
    const welcome = JSON.parse((await enemy.take("$")).slice(1)) as Welcome;
    enemy.send(text("%@"));
    enemy.acknowledges = true;
    if (entrance.token !== undefined) {
      enemy.send(text(`$${JSON.stringify({ auth: entrance.token })}`));
      await enemy.take('${"auth":true');
    }
    return toGuest(enemy, welcome);
  }

  /** Goes over plain HTTP. */
  http(method: string, path: string, body = "", headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    const cookie = this.cookieHeader;
    return new Promise((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port: this.#port,
        method,
        path,
        headers: { host: "good.example", ...(cookie === undefined ? {} : { cookie }), ...headers },
      };
      const asked = this.#secure
        ? secureRequest({ ...options, servername: "localhost", agent: agents.secure })
        : request({ ...options, agent: agents.plain });
      asked.once("error", reject).once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk)).once("error", reject);
        response.once("end", () => {
          const cookies = response.headers["set-cookie"] ?? [];
          this.#keep(cookies);
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, text: Buffer.concat(chunks).toString(), cookies });
        });
      });
      asked.end(body);
    });
  }

  /** Who the server takes it for, over plain HTTP. */
  async me(): Promise<{ id: string; data: Record<string, unknown> }> {
    const { status, text } = await this.http("GET", "/me");
    if (status !== 200) throw new Error(`GET /me was answered with ${status}`);
    return JSON.parse(text) as { id: string; data: Record<string, unknown> };
  }

  /** Fetches the cookie that a ticket stands for. */
  redeem(ticket: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    return this.http("POST", "/prism/session", ticket, headers);
  }

  #keep(cookies: readonly string[]): void {
    for (const cookie of cookies) {
      const [, name = "", value = ""] = /^([^=]*)=([^;]*)/.exec(cookie) ?? [];
      if (/max-age=0(;|$)/i.test(cookie)) this.jar.delete(name);
      else this.jar.set(name, value);
    }
  }
}

function toGuest(enemy: Enemy, welcome: Welcome): Guest {
  let next = 0;
  const places = new Map<string, string>();
  for (const [service, [number, , names = []]] of Object.entries(welcome.services)) {
    names.forEach((name, place) => places.set(`${service}.${name}`, `${number} ${writeNumber(place)}`));
  }
  const ask = async <Result>(procedure: string, input?: unknown): Promise<Result> => {
    const [service, place] = places.get(procedure)?.split(" ") ?? [];
    if (place === undefined) throw new Error(`There is no procedure ${procedure}`);
    const id = next++ % 1_000;
    enemy.send(text(`${call(Number(service), id)}${place}${JSON.stringify(input) ?? ""}`));
    const answer = await enemy.take(`=${writeNumber(id)}`, `!${writeNumber(id)}`);
    const body = answer.slice(1 + writeNumber(id).length);
    if (answer.startsWith("!")) throw new Failure(JSON.parse(body) as { code: string });
    return (body === "" ? undefined : JSON.parse(body)) as Result;
  };
  const codeOf = (procedure: string, input?: unknown): Promise<string | undefined> =>
    ask(procedure, input).then(
      () => undefined,
      (error: Failure) => error.code,
    );
  return Object.assign(enemy, { welcome, ask, codeOf });
}

/** The `set-cookie` headers of a response's head. */
export function setCookies(head: string): string[] {
  return head.split("\r\n").flatMap((line) => /^set-cookie: (.*)$/i.exec(line)?.slice(1) ?? []);
}

/** A session's cookie, as the server signs it with a secret. */
export function signed(id: string, secret: string): string {
  const signature = createHmac("sha256", secret).update(id).digest("base64").replaceAll("=", "");
  return encodeURIComponent(`s:${id}.${signature}`);
}

/** The id in a cookie. */
export function idOf(cookie: string | undefined): string {
  return decodeURIComponent(cookie ?? "").slice(2, 24);
}
