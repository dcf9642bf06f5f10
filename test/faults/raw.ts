import { writeNumber } from "../../src/wire/numbers.ts";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { Enemy, text } from "../hostile/enemy.ts";
import { setCookies } from "../hostile/visitor.ts";

/** What a resumable connection's welcome says. */
export interface Welcome {
  readonly connection: string;
  readonly resumed: boolean;
  readonly resume?: string;
  readonly received: number;
  readonly sent: number;
  readonly services?: Readonly<Record<string, readonly [number: number, kind: string, init?: readonly string[]]>>;
}

/** A client without manners, and what it was told. */
export type Raw = Enemy & { readonly welcome: Welcome };

/** How one comes. */
export interface Coming {
  /** What it offers besides `prism.1`: `prism.resume.<token>.<received>`, say. */
  readonly offer?: string;
  readonly cookie?: string | undefined;
  /** Whether it keeps to itself that it has the welcome. */
  readonly silent?: boolean;
}

/** The offer to go on. */
export const resume = (token: string | undefined, received: number | string): string =>
  `prism.resume.${token}.${received}`;

/** Opens a socket up to the welcome. */
export async function come(port: number, { offer, cookie, silent = false }: Coming = {}): Promise<Raw> {
  const offers = offer === undefined ? "prism.1" : `prism.1, ${offer}`;
  const headers = [`Sec-WebSocket-Protocol: ${offers}`, ...(cookie === undefined ? [] : [`Cookie: ${cookie}`])];
  const enemy = new Enemy(port, upgradeRequest({ target: "/prism", headers }));
  const status = await enemy.status;
  if (status !== 101) throw new Error(`The handshake was answered with ${status}`);
  const welcome = JSON.parse((await enemy.take("$")).slice(1)) as Welcome;
  const { resumed } = welcome;
  // As an honest client answers: with how many frames it has got.
  const received = resumed ? Number(/\d+$/.exec(offer ?? "")?.[0]) : 0;
  if (!silent) enemy.send(text(`%${writeNumber(Math.max(received, welcome.sent))}`));
  return Object.assign(enemy, { welcome });
}

/** The cookie that came with a handshake, as it is sent back. */
export function cookieOf(enemy: Enemy): string | undefined {
  return setCookies(enemy.head)[0]?.split(";")[0];
}
