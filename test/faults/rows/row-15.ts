import { writeNumber } from "../../../src/wire/numbers.ts";
import { call, text } from "../../hostile/enemy.ts";
import { come, cookieOf, type Raw, resume } from "../raw.ts";
import { type Row, type RowStage, toRuntime } from "../verdict.ts";

const MOST = 2 ** 31 - 1;

/** Counts that a client may say that has got one frame, and what comes of them: a close code, or nothing. */
const counts: readonly [what: string, frames: readonly string[], code: number | undefined][] = [
  ["the same, again and again", ["%A", "%A", "%A"], undefined],
  ["none, then one", ["%@", "%A"], undefined],
  ["one more than was sent", ["%B"], 1002],
  ["one more, after the right one", ["%A", "%B"], 1002],
  ["fewer than before", ["%A", "%@"], 1002],
  ["2^30", [`%${writeNumber(2 ** 30)}`], 1002],
  ["2^31 - 1", [`%${writeNumber(MOST)}`], 1002],
  ["2^31", ["%b`````@"], 1002],
  ["2^35 - 1", ["%aaaaaaa_"], 1002],
  ["a number without end", [`%${"a".repeat(10_000)}`], 1002],
  ["a sign", ["%-A"], 1002],
  ["a leading zero", ["%`A"], 1002],
  ["none at all", ["%"], 1002],
  ["decimal digits", ["%1"], 1002],
  ["digits of another kind", ["%١"], 1002],
  ["more behind it", ["%AA"], 1002],
];

/** Ids that nobody has given out. */
const ids: readonly [what: string, frames: readonly string[], code: number | undefined][] = [
  ["a result of a call that is over", ["=@1"], 1002],
  ["a failure of no call", ['!A{"code":"x"}'], 1002],
  ["an item of no call", ["<@1"], 1002],
  ["a grant for no call", ["-@A"], 1002],
  ["a result of call 2^31 - 1", [`=${writeNumber(MOST)}1`], 1002],
  ["a result of call 2^31", ["=b`````@1"], 1002],
  ["an item for a call that is over", [">@1"], undefined],
  ["the end of items for a call that is over, twice", ["/@", "/@"], undefined],
  ["a cancellation of call 2^31 - 1", [`#${writeNumber(MOST)}`], undefined],
  ["credit without end for a call that is over", [`+@${writeNumber(MOST)}`], undefined],
];

/**
 * Counts in an offer from a client that has acknowledged one frame of one. Not 2^31 - 1: by the protocol's arithmetic it is
 * older than 1, which an offer's may be.
 */
const offers: readonly [what: string, received: string][] = [
  ["one more than was sent", "2"],
  ["2^30", String(2 ** 30)],
  ["2^31", String(2 ** 31)],
  ["2^32 + 1", String(2 ** 32 + 1)],
  ["2^53", String(2 ** 53)],
  ["a hundred digits", "1".repeat(100)],
  ["a sign", "-1"],
  ["letters", "A"],
  ["a prototype's name", "__proto__"],
  ["nothing", ""],
  ["an exponent", "1e0"],
  ["two numbers", "1.1"],
];

/** Row 15: acknowledgements, ids and offers that lie, on a connection that can be resumed. */
export const row15: Row = {
  number: 15,
  title: "acks and ids that lie",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  async run(stage) {
    const { scene, lineup, verdict } = stage;
    const node = await scene.node(toRuntime(lineup), { name: "n" });
    const bystander = await scene.bystander(node.url);
    for (const one of [...counts, ...ids]) await tellLie(stage, node.port, one);
    await lieInOffers(stage, node.port);
    verdict.same("what befell the bystander", (await bystander.report()).events, []);
    verdict.same("errors", (await node.state()).errors, []);
    verdict.most("ms of a stall", await node.stall(), 100);
    verdict.notes.push(`${counts.length + ids.length} lies told, ${offers.length} offered`);
  },
};

/** Calls, so that each end has sent one counted frame more; whether it was answered. */
async function isServed(raw: Raw, services: Raw["welcome"]["services"]): Promise<boolean> {
  const [number, , names = []] = services!["calls"]!;
  raw.send(text(`${call(number, 0)}${writeNumber(names.indexOf("echo"))}"served"`));
  return raw.take('=@"served"').then(
    () => true,
    () => false,
  );
}

/** Opens a connection on which each end has sent one counted frame. */
async function open({ verdict }: RowStage, port: number): Promise<Raw> {
  const raw = await come(port);
  verdict.must(raw.welcome.resume !== undefined, "the welcome has no resume token");
  verdict.must(await isServed(raw, raw.welcome.services), "the first call was not answered");
  return raw;
}

async function tellLie(stage: RowStage, port: number, [what, frames, code]: (typeof counts)[number]): Promise<void> {
  const { verdict } = stage;
  const raw = await open(stage, port);
  const { resume: token, services, connection } = raw.welcome;
  raw.send(text(frames.join("\x1e")));
  if (code === undefined) verdict.must(await isServed(raw, services), `${what}: it was not served afterwards`);
  else verdict.same(`${what}: close code`, await raw.closed, code);
  raw.tcp.destroy();
  // What broke the protocol is over; anything else can go on.
  const again = await come(port, { offer: resume(token, code === undefined ? 2 : 1), cookie: cookieOf(raw) });
  const { resumed, connection: id } = again.welcome;
  verdict.same(`${what}: resumed, and the same`, [resumed, id === connection], Array(2).fill(code === undefined));
  verdict.must(await isServed(again, services), `${what}: who came back was not served`);
  again.tcp.destroy();
}

async function lieInOffers(stage: RowStage, port: number): Promise<void> {
  const { verdict } = stage;
  const raw = await open(stage, port);
  raw.send(text("%A"));
  const { resume: token, services, connection } = raw.welcome;
  const cookie = cookieOf(raw);
  const tokens: [what: string, offer: string][] = [
    ["a token with more behind it", resume(`${token}x`, 1)],
    ["a token cut short", resume(token!.slice(0, -1), 1)],
    ["a token of 129 characters", resume("a".repeat(129), 1)],
    ["a token of 10,000 characters", resume("a".repeat(10_000), 1)],
    ["no token", resume("", 1)],
    ["a prototype's name as a token", resume("__proto__", 1)],
  ];
  for (const [what, offer] of [...offers.map(([what, n]) => [what, resume(token, n)] as const), ...tokens]) {
    const liar = await come(port, { offer, cookie });
    const { resumed, connection: id } = liar.welcome;
    verdict.same(`offered ${what}: resumed, and the same`, [resumed, id === connection], [false, false]);
    verdict.must(await isServed(liar, services), `offered ${what}: the new connection was not served`);
    liar.tcp.destroy();
  }
  // All the while the older connection was left as it was: it has its counts, and can go on. That the offer's count is
  // older than what was acknowledged does not matter.
  const honest = await come(port, { offer: resume(token, 0), cookie });
  const { resumed, received, sent, connection: id } = honest.welcome;
  verdict.same(
    "an honest offer",
    { resumed, received, sent, same: id === connection },
    {
      resumed: true,
      received: 1,
      sent: 1,
      same: true,
    },
  );
  verdict.same("the older socket", await raw.closed, 4001);
  verdict.must(await isServed(honest, services), "who was honest was not served");
  honest.tcp.destroy();
}
