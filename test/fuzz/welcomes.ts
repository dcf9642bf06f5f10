import type { Account } from "./account.ts";
import { procedures, services } from "./app.ts";
import { jsonValue } from "./bodies.ts";
import { MAX_NUMBER, modulo } from "./grammar.ts";
import type { Random } from "./random.ts";

const TABLE = Object.fromEntries(
  services.map((name, number) => [name, name === "calls" ? [number, "rpc", procedures] : [number, name]]),
);

/** A token as a server gives it, now and then none, or, if it is odd, something else. */
function toToken(random: Random, isOdd: boolean): unknown {
  const good = `t${random.below(2 ** 31)}-_`;
  if (!isOdd) return random.chance(0.9) ? good : undefined;
  return random.pick<unknown>([5, null, true, {}, [good], "", "a b", "\u0661", "x".repeat(2_000), jsonValue(random)]);
}

/** Counts with which a server goes on: such as can be, or not. */
function toCounts(random: Random, { said, acked, heard }: Account, lies: boolean): { received: number; sent: number } {
  const received = random.pick([said, said, modulo(acked + random.below(modulo(said - acked) + 1))]);
  const sent = random.chance(0.7) ? heard : modulo(heard - random.below(Math.min(heard, 5) + 1));
  if (!lies) return { received, sent };
  const odd = [said + 1, acked - 1, heard + 1, heard + 2 ** 30, heard - 2 ** 30, 0, MAX_NUMBER].map(modulo);
  return random.chance(0.5) ? { received: random.pick(odd), sent } : { received, sent: random.pick(odd) };
}

/** A welcome as a server says it, or, if it is odd, as it must not. */
export function writeWelcome(random: Random, account: Account | undefined, malice: number, isOdd: boolean): string {
  const lies = random.chance(malice);
  const goesOn = account?.alive ? random.chance(0.8) : random.chance(malice * 0.3);
  const counts = goesOn && account !== undefined ? toCounts(random, account, lies) : { received: 0, sent: 0 };
  const members: Record<string, unknown> = {
    welcome: 1,
    connection: "c",
    resumed: goesOn,
    resume: toToken(random, random.chance(malice * 0.5)),
    ...counts,
    heartbeat: random.pick([1_000, 5_000]),
    packet: random.pick([200, 4_096, 131_072]),
    ...(random.chance(0.3) ? { frames: random.pick([1, 20, 2_000]) } : undefined),
    ...(random.chance(0.3) ? { auth: true } : undefined),
    ...(goesOn && random.chance(0.9) ? undefined : { services: TABLE }),
  };
  if (isOdd) {
    const odd = random.pick<unknown>([
      jsonValue(random),
      null,
      -1,
      0,
      0.5,
      1e9,
      "1",
      {},
      { calls: [0, "rpc"] },
      { calls: [0, "rpc", null], notes: [0, "notes"] },
      { calls: [1e9, "rpc", [1, {}, "echo"]], words: [-1, "words"] },
      { calls: ["0", "rpc", []] },
      { __proto__: [0, "x"] },
    ]);
    members[random.pick(Object.keys(members))] = odd;
  }
  return `$${JSON.stringify(members)}`;
}
