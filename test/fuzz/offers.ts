import type { Account } from "./account.ts";
import { jsonValue } from "./bodies.ts";
import { MAX_NUMBER, modulo } from "./grammar.ts";
import type { Random } from "./random.ts";
import type { ResumeOffer } from "./server-side.ts";
import { hostileControl } from "./tester.ts";
import type { World } from "./world.ts";

/** What a client offers that has never been there. */
export const OFFERS: readonly (readonly string[])[] = [
  ["prism.1"],
  ["prism.1", "prism.manifest.abc"],
  ["prism.2", "prism.1"],
  ["prism.1", "prism.resume.abc.0"],
  ["prism.1", "prism.resume.abc.99999999999999999999"],
  ["prism.1", "prism.resume..", "prism.manifest."],
];

/** A count that a client may say that it has received, and how it may lie about it. */
function toCount(random: Random, { said, acked, base }: Account, lies: boolean): number {
  if (!lies) return random.pick([said, acked, modulo(said - random.below(modulo(said - acked) + 1))]);
  const odd = [said + 1, said + 1_000, acked - 1, base - 1, base, 0, MAX_NUMBER, said + 2 ** 30, base - 2 ** 30 + 1];
  return modulo(random.pick(odd));
}

/** A token: one's own, or, if it lies, one that is spent, or another's. */
function toToken(world: World, own: Account | undefined, lies: boolean): string {
  const { random, bank } = world;
  const token = (random.chance(0.7) ? own?.next : own?.token) ?? own?.token ?? own?.next;
  if (token !== undefined && !lies) return token;
  const { good, spent } = bank.tokens;
  const mine = own?.spent ?? [];
  const list = random.pick([mine, mine, mine, mine, spent, good, ["abc"], [`${token ?? ""}A`]]);
  return list.length > 0 ? random.pick(list) : (token ?? "abc");
}

/** What somebody offers who comes again: one thing or the other may be a lie. */
export function toOffer(world: World, own: Account | undefined): ResumeOffer {
  const { random, bank } = world;
  const token = toToken(world, own, random.chance(0.45));
  const account = bank.find(token) ?? own;
  return { token, received: account === undefined ? random.below(100) : toCount(random, account, random.chance(0.2)) };
}

/** The same as subprotocols: well, or, if it is odd, not quite so. */
export function toProtocols(random: Random, { token, received }: ResumeOffer, isOdd: boolean): string[] {
  if (!isOdd) {
    const offer = `prism.resume.${token}.${random.chance(0.1) ? String(received).padStart(10, "0") : received}`;
    return random.chance(0.9) ? ["prism.1", offer] : [offer, "prism.manifest.abc", "prism.1"];
  }
  const odd = [
    "prism.resume.",
    "prism.resume",
    `prism.resume.${token}`,
    `prism.resume.${token}.`,
    `prism.resume.${token}.${received}.`,
    `prism.resume.${token}.${received}.0`,
    `prism.resume..${received}`,
    `prism.resume.${token}.-1`,
    `prism.resume.${token}.+${received}`,
    `prism.resume.${token}.0x1`,
    `prism.resume.${token}.1e1`,
    `prism.resume.${token}.${received}x`,
    `prism.resume.${token}.\u00b2`,
    `prism.resume.${token}.${String(received).padStart(11, "0")}`,
    `prism.resume.${token}.2147483648`,
    `prism.resume.${token}.9999999999`,
    `prism.resume.${token.padEnd(129, "x")}.${received}`,
    `prism.resume.${token}!.${received}`,
    `PRISM.RESUME.${token}.${received}`,
  ];
  return ["prism.1", random.pick(odd)];
}

/** The same as a hello. */
export function toHello(random: Random, { token, received }: ResumeOffer, isOdd: boolean): string {
  const good = JSON.stringify({ hello: random.pick([1, 1, 2, 1e9]), resume: token, received });
  if (!isOdd) return `$${good}`;
  const odd = random.pick<unknown>([`${received}`, "\u0661", received + 0.5, -1, 2 ** 31, null, [received], undefined]);
  return random.pick([
    `$${good.slice(0, random.below(good.length))}`,
    `$${JSON.stringify({ hello: 1, resume: token, received: odd })}`,
    `$${JSON.stringify({ hello: 1, resume: random.pick([jsonValue(random), token.padEnd(129, "x")]), received })}`,
    `$${JSON.stringify({ resume: token, received })}`,
    `$${JSON.stringify({ hello: 0, resume: token, received })}`,
  ]);
}

/** What somebody says first who has never been there. */
export function firstWords(random: Random): string | undefined {
  const good = ['${"hello":1}', '${"hello":2,"manifest":"abc"}', '${"hello":1,"resume":"abc","received":0}'];
  const bad = ['${"hello":0}', '${"hello":"1"}', "${}", "(", "@x", "%@", `$${JSON.stringify(hostileControl(random))}`];
  return random.weighted([
    [7, random.pick(good)],
    [2, random.pick(bad)],
    [1, undefined],
  ]);
}
