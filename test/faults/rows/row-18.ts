import { type Guest, idOf, Visitor } from "../../hostile/visitor.ts";
import { Cluster } from "../cluster.ts";
import type { Hall } from "../halls.ts";
import { Listener, type Lobby, toTally } from "../listener.ts";
import type { Row, RowStage, Verdict } from "../verdict.ts";

const sizes = { short: { rounds: 1, stride: 9 }, long: { rounds: 30, stride: 1 } };

/** How long anything may take to be known on all nodes, in ms: it takes a few. */
const PROMPT = 5_000;
/** For how long those are watched who are to hear nothing more, in ms. */
const WATCH = 200;
/** Longer than a session lives, in ms. */
const EIGHT_DAYS = 8 * 86_400_000;

/** Row 18, on several nodes: what ends a session or a subscription on one ends it on all. */
export const row18: Row = {
  number: 18,
  title: "sessions and kicks, on several nodes",
  lineups: ["mixed", "node20", "nodeCurrent", "bun", "deno"],
  tested: ["mixed"],
  async run({ scene, lineup, size, verdict }: RowStage) {
    const { rounds, stride } = sizes[size];
    const cluster = await Cluster.start(scene, lineup);
    const { nodes } = cluster;
    for (let round = 0; round < rounds; round++) {
      for (const at of nodes) await logOut(verdict, nodes, at);
      for (const at of nodes) await renew(verdict, nodes, at);
      for (const at of nodes) await kick(verdict, nodes, at);
    }
    const tampered = await tamper(verdict, nodes, stride);
    await expire(verdict, cluster);
    verdict.same("errors", await cluster.complaints(), []);
    verdict.notes.push(`${rounds * nodes.length} logouts, logins and kicks each; ${tampered} cookies tampered with`);
  },
};

const at = (node: Hall, cookie?: string): Visitor => new Visitor(node.port, { cookie });
const me = (guest: Guest): Promise<{ id: string; data: { name?: string } }> => guest.ask("account.me");
const leave = (guests: readonly Guest[]): void => {
  for (const { tcp } of guests) tcp.destroy();
};

/** The close code of each, or what to say where it is still there. */
function codesOf(guests: readonly Guest[]): Promise<unknown[]> {
  const late = new Promise((resolve) => setTimeout(resolve, PROMPT, "still there").unref());
  return Promise.all(guests.map(({ closed }) => Promise.race([closed, late])));
}

/** Logs somebody in, and gives their cookie: its ticket is redeemed on another node. */
async function logIn(node: Hall, other: Hall, cookie?: string): Promise<{ cookie: string; guest: Guest }> {
  const visitor = at(node, cookie);
  const guest = await visitor.enter();
  const id = await guest.ask<string>("account.login", "Ada");
  const { session } = JSON.parse((await guest.take('${"session":')).slice(1)) as { session: string };
  const elsewhere = at(other, visitor.cookie);
  const { status } = await elsewhere.redeem(session);
  const own = elsewhere.cookie;
  if (status !== 204 || own === undefined || idOf(own) !== id) throw new Error(`A ticket was answered with ${status}`);
  return { cookie: own, guest };
}

/** Two on each node with a cookie, whom all nodes know. */
async function gather(verdict: Verdict, nodes: readonly Hall[], cookie: string): Promise<Guest[]> {
  const guests = await Promise.all([...nodes, ...nodes].map((node) => at(node, cookie).enter()));
  const known = await Promise.all(guests.map(me));
  verdict.same("who they are", new Set(known.map(({ id, data }) => `${id} ${data.name}`)).size, 1);
  verdict.same("the id of a session, and the name", known[0], { id: idOf(cookie), data: { name: "Ada" } });
  return guests;
}

interface Nobody {
  readonly what: string;
  readonly cookie: string;
  /** Whose cookie it was. */
  readonly id: string;
  /** How it may be refused instead. */
  readonly refused?: readonly number[];
}

/** A cookie means nobody, on every node. */
async function expectNobody(verdict: Verdict, nodes: readonly Hall[], nobody: Nobody): Promise<void> {
  const { what, cookie, id: own, refused = [] } = nobody;
  for (const node of nodes) {
    const enemy = await at(node, cookie).knock();
    const status = await enemy.status;
    enemy.tcp.destroy();
    if (status !== 101) {
      verdict.must(refused.includes(status), `${what} was answered with ${status}`);
      continue;
    }
    const guest = await at(node, cookie).enter();
    const { id, data } = await me(guest);
    verdict.same(`${what}: what is known`, data, {});
    verdict.must(id !== own, `${what} has its id still`);
    leave([guest]);
  }
}

const others = (nodes: readonly Hall[], node: Hall): Hall => nodes[(nodes.indexOf(node) + 1) % nodes.length]!;

/** A logout on one node closes the sockets of that session on all. */
async function logOut(verdict: Verdict, nodes: readonly Hall[], node: Hall): Promise<void> {
  const { cookie, guest } = await logIn(node, others(nodes, node));
  const guests = await gather(verdict, nodes, cookie);
  const bystander = await logIn(others(nodes, node), node);
  await guests[nodes.indexOf(node)]!.ask("account.logout");
  const codes = await codesOf([guest, ...guests]);
  verdict.same(
    "close codes after a logout",
    codes,
    codes.map(() => 1008),
  );
  await expectNobody(verdict, nodes, { what: "the cookie of who has logged out", cookie, id: idOf(cookie) });
  verdict.same("who else is there", (await me(bystander.guest)).id, idOf(bystander.cookie));
  leave([guest, ...guests, bystander.guest]);
}

/** A login on one node makes the id before worthless on all. */
async function renew(verdict: Verdict, nodes: readonly Hall[], node: Hall): Promise<void> {
  const { cookie, guest } = await logIn(node, others(nodes, node));
  const guests = await gather(verdict, nodes, cookie);
  const next = await logIn(node, others(nodes, node), cookie);
  const codes = await codesOf([guest, ...guests]);
  verdict.same(
    "close codes after a new id",
    codes,
    codes.map(() => 4004),
  );
  verdict.must(idOf(next.cookie) !== idOf(cookie), "a login has left the id as it was");
  // For as long as the ticket is good it is told to come with the next one.
  const former = { what: "a cookie from before a login", cookie, id: idOf(cookie), refused: [503] };
  await expectNobody(verdict, nodes, former);
  const again = await gather(verdict, nodes, next.cookie);
  leave([guest, ...guests, next.guest, ...again]);
}

/** Waits until something is so, and whether more comes of it. */
async function settle(met: () => boolean): Promise<void> {
  const deadline = performance.now() + PROMPT;
  while (!met() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, WATCH));
}

/** Kicked on one node, by user and by session: gone on all, and nobody else. */
async function kick(verdict: Verdict, nodes: readonly Hall[], node: Hall): Promise<void> {
  const { cookie, guest } = await logIn(node, others(nodes, node));
  const heard: Listener[] = [];
  const lobby: Lobby = { tally: toTally(), errors: [], outages: [], poke: () => {} };
  const join = async (name: string, own?: string): Promise<void> => {
    const all = nodes.map(({ url }) => new Listener(url, name, lobby, own));
    heard.push(...all);
    await Promise.all(all.map((one) => one.subscribe(["kept/k"])));
  };
  await join("ada");
  await join("bob");
  await join("eve", cookie);
  const isThere = ({ client }: Listener): boolean => client.rooms.channel("kept/:room", { room: "k" }).subscribed;
  const there = (): string => heard.map((one) => (isThere(one) ? "+" : "-")).join("");
  const three = (sign: string): string => sign.repeat(nodes.length);
  const until = async (expected: string): Promise<void> => {
    await settle(() => there() === expected);
    verdict.same("who is subscribed after a kick", there(), expected);
  };
  await node.kick("k", "user", "ada");
  await until(three("-") + three("+") + three("+"));
  await node.kick("k", "session", idOf(cookie));
  await until(three("-") + three("+") + three("-"));
  // Who is there still hears what is said, on every node, and nobody else does.
  await node.produce("kept/k", 100);
  await node.hush();
  await settle(() => lobby.tally.received >= nodes.length);
  const hear = heard.map(({ hearings }) => (hearings.some(({ strands }) => strands.size > 0) ? "+" : "-")).join("");
  verdict.same("who hears what is said after the kicks", hear, three("-") + three("+") + three("-"));
  verdict.same("subscriptions that have ended", lobby.tally.ended, 2 * nodes.length);
  const strange = lobby.errors.filter((one) => !one.endsWith("no more: PrismError: Taken out"));
  verdict.same("how they have ended, otherwise", strange, []);
  for (const { client } of heard) client.close();
  leave([guest]);
}

/** A bit of the cookie is another: it means nobody, on whichever node. */
async function tamper(verdict: Verdict, nodes: readonly Hall[], stride: number): Promise<number> {
  const { cookie, guest } = await logIn(nodes[0]!, nodes[1]!);
  let tampered = 0;
  for (let bit = 0; bit < cookie.length * 8; bit += stride) {
    const flipped = String.fromCharCode(cookie.charCodeAt(bit >> 3) ^ (1 << (bit & 7)));
    const other = cookie.slice(0, bit >> 3) + flipped + cookie.slice((bit >> 3) + 1);
    // What ends a header or a cookie makes another request of it; and what is escaped is so in either case.
    if (/[\0-\x20;\x7f-\xff]/.test(flipped) || isSame(other, cookie)) continue;
    tampered++;
    const forged = { what: `a cookie with bit ${bit} flipped`, cookie: other, id: idOf(cookie), refused: [400] };
    await expectNobody(verdict, [nodes[tampered % nodes.length]!], forged);
  }
  verdict.same("who has the cookie as it was", (await me(guest)).id, idOf(cookie));
  leave([guest]);
  return tampered;
}

/** Whether two cookies are the same but for how they are escaped. */
function isSame(one: string, other: string): boolean {
  try {
    return decodeURIComponent(one) === decodeURIComponent(other);
  } catch {
    return false;
  }
}

/** A session that has come to its end means nobody, on a node that was started after that. */
async function expire(verdict: Verdict, cluster: Cluster): Promise<void> {
  const [first, second] = cluster.nodes;
  const { cookie, guest } = await logIn(first!, second!);
  await cluster.kill(2);
  await cluster.start(2, { ahead: EIGHT_DAYS });
  await expectNobody(verdict, [cluster.nodes[2]!], { what: "a cookie that has expired", cookie, id: idOf(cookie) });
  leave([guest]);
}
