import { Buffer } from "node:buffer";
import { writeNumber } from "../../../src/wire/numbers.ts";
import { call, text } from "../../hostile/enemy.ts";
import { platforms } from "../../hostile/platforms.ts";
import { come, cookieOf, type Raw, resume } from "../raw.ts";
import type { Node } from "../scene.ts";
import { type Row, type RowStage, toRuntime } from "../verdict.ts";

/** How many race for one connection. */
const RACERS = 50;
const sizes = { short: { races: 3 }, long: { races: 100 } };

/** Row 17: resume tokens that are spent, stolen, or raced for. */
export const row17: Row = {
  number: 17,
  title: "resume token abused",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  async run(stage) {
    const { scene, lineup, size, verdict } = stage;
    const node = await scene.node(toRuntime(lineup), { name: "n" });
    await useOld(stage, node);
    await steal(stage, node.port);
    for (let i = 0; i < sizes[size].races; i++) await race(stage, node.port, i % 2 > 0);
    verdict.same("errors", (await node.state()).errors, []);
  },
};

async function isServed(raw: Raw, services: Raw["welcome"]["services"]): Promise<boolean> {
  const [number, , names = []] = services!["calls"]!;
  raw.send(text(`${call(number, 0)}${writeNumber(names.indexOf("echo"))}"served"`));
  return raw.take('=@"served"').then(
    () => true,
    () => false,
  );
}

/** A lost welcome costs nothing; a token whose successor was shown is spent. */
async function useOld({ verdict }: RowStage, node: Node): Promise<void> {
  const { port } = node;
  const first = await come(port);
  const cookie = cookieOf(first);
  const { resume: token, connection, services } = first.welcome;
  const offer = resume(token, 0);
  const seen: unknown[] = [];
  const nexts: (string | undefined)[] = [];
  // Its welcomes are lost: the token is good again and again, and the next one is always the same.
  for (let i = 0; i < 5; i++) {
    const silent = await come(port, { offer, cookie, silent: true });
    seen.push(silent.welcome.resumed && silent.welcome.connection === connection);
    nexts.push(silent.welcome.resume);
    if (i % 2) silent.tcp.resetAndDestroy();
  }
  verdict.same("resumed with a token whose successor was never seen", seen, Array(5).fill(true));
  verdict.same("different next tokens", new Set(nexts).size, 1);
  verdict.must(nexts[0] !== token, "the next token is the same as the last");
  const shown = await come(port, { offer, cookie });
  verdict.must(await isServed(shown, services), "who has shown the next token was not served");

  const old = await come(port, { offer, cookie });
  verdict.same(
    "resumed with a spent token",
    [old.welcome.resumed, old.welcome.connection === connection],
    [false, false],
  );
  verdict.must(await isServed(old, services), "who came with a spent token was not served anew");
  verdict.must(await isServed(shown, services), "a spent token did something to its connection");
  // Offering the next one shows that one has it.
  const next = await come(port, { offer: resume(nexts[0], 2), cookie, silent: true });
  verdict.same("resumed with the next token", next.welcome.resumed, true);
  const late = await come(port, { offer, cookie });
  verdict.same("resumed with a token two back", late.welcome.resumed, false);
  for (const { tcp } of [first, shown, old, next, late]) tcp.destroy();

  // What has ended stays so, once the server knows: Node tells of a close frame when the socket has gone, too.
  const { disconnected } = await node.state();
  const ended = await come(port);
  ended.send(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
  await ended.closed;
  await node.until("disconnected", ">=", disconnected + 1);
  const gone = await come(port, { offer: resume(ended.welcome.resume, 0), cookie: cookieOf(ended) });
  verdict.same("resumed after 1000", gone.welcome.resumed, false);
  gone.tcp.destroy();
}

/** Somebody else has the token, but not the session. */
async function steal({ verdict }: RowStage, port: number): Promise<void> {
  const visit = await come(port);
  const cookie = cookieOf(visit);
  visit.tcp.destroy();
  const victim = await come(port, { cookie });
  const other = await come(port);
  const { services } = victim.welcome;
  const forged = cookie?.replace(/.{3}$/, "abc");
  for (const [what, theirs] of [
    ["another session's cookie", cookieOf(other)],
    ["no cookie", undefined],
    ["a forged cookie", forged],
  ] as const) {
    const thief = await come(port, { offer: resume(victim.welcome.resume, 0), cookie: theirs });
    const taken = [thief.welcome.resumed, thief.welcome.connection === victim.welcome.connection];
    verdict.same(`stolen with ${what}: resumed, and the same`, taken, [false, false]);
    verdict.must(await isServed(victim, services), `the victim was not served after a theft with ${what}`);
    thief.tcp.destroy();
    if (taken[0]) return;
  }
  // A thief spends nothing: the victim itself can go on.
  const back = await come(port, { offer: resume(victim.welcome.resume, 3), cookie });
  verdict.same("the victim resumed", back.welcome.resumed, true);
  for (const { tcp } of [victim, other, back]) tcp.destroy();
}

/** Many offer one token at the same time, each with the right cookie. */
async function race({ verdict, lineup }: RowStage, port: number, silent: boolean): Promise<void> {
  const first = await come(port);
  const { resume: token, connection, services } = first.welcome;
  const cookie = cookieOf(first);
  first.tcp.destroy();
  const racers = await Promise.all(
    Array.from({ length: RACERS }, () => come(port, { offer: resume(token, 0), cookie, silent })),
  );
  const winners = racers.filter(({ welcome }) => welcome.connection === connection);
  verdict.must(winners.length > 0, "nobody has won");
  verdict.must(
    winners.every(({ welcome }) => welcome.resumed),
    "a winner was not told that it was resumed",
  );
  // All of them speak; on the connection itself, only one is heard.
  const served = await Promise.all(racers.map((racer) => isServed(racer, services)));
  const heard = racers.filter((racer, i) => served[i] && racer.welcome.connection === connection);
  verdict.same("who won and was served", heard.length, 1);
  const codes = await Promise.all(winners.filter((one) => !heard.includes(one)).map(({ closed }) => closed));
  // Some platforms reset who goes on sending.
  const { resetsBusyPeers } = platforms[toRuntime(lineup)];
  const strange = codes.filter((code) => code !== 4001 && !(resetsBusyPeers && code === undefined));
  verdict.same("codes of those who were overtaken, other than 4001", strange, []);
  const losers = racers.filter((racer, i) => !served[i] && racer.welcome.connection !== connection);
  verdict.same("those who lost and were not served anew", losers.length, 0);
  for (const { tcp } of racers) tcp.destroy();
}
