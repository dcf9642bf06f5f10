import { Actions } from "./actions.ts";
import type { Schedule } from "./schedule.ts";
import { World, type Asked } from "./world.ts";

/** What was not caught where it happened: a defect of whoever was to catch it. */
const unhandled: unknown[] = [];
let listens = false;

/** Hears of rejections that nobody handles, instead of the process's end. */
function listen(): void {
  if (listens) return;
  listens = true;
  process.on("unhandledRejection", (error) => void unhandled.push(error));
}

/** How long all may take to come to rest once the network is whole, in ms: half-open lines need most of it. */
const PATIENCE = 60_000;
/** After how many ms no timer of anybody's is left when all are closed. */
const LONGEST = 40_000;

/**
 * Plays a schedule.
 *
 * @param schedule what happens
 * @param trace hears each thing
 * @returns what did not hold, if anything did not
 */
export async function play(schedule: Schedule, trace?: (line: string) => void): Promise<string | undefined> {
  listen();
  unhandled.length = 0;
  const world = new World(schedule, trace);
  const steps = [act, rest, probe, close];
  try {
    await world.start();
    for (const step of steps) if (world.failure === undefined) await step(world);
  } catch (error) {
    world.fail(`thrown: ${String((error as Error).stack)}`);
  }
  if (unhandled.length > 0) world.fail(`not handled: ${String((unhandled[0] as Error)?.stack ?? unhandled[0])}`);
  return world.failure;
}

async function act(world: World): Promise<void> {
  const actions = new Actions(world);
  for (const action of world.schedule.actions) {
    await world.clock.advance(action.after);
    await actions.act(action);
    if (action.a < 0.3) await world.clock.settle();
    for (const server of world.servers) server.checkMemory();
    if (world.failure !== undefined) return;
  }
}

/** The network is whole again: all comes to rest, and everybody knows how it ended. */
async function rest(world: World): Promise<void> {
  const { dice, clients } = world;
  world.say("the network is whole");
  world.unreachableUntil = 0;
  for (const { line, mute, vanished } of world.lines) {
    line.resume();
    line.toNear.bandwidth = line.toFar.bandwidth = Infinity;
    if (vanished || (mute && dice.chance(0.7))) line.cut();
  }
  if (world.open.length === 0) await world.addServer();
  for (const client of clients) if (client.connection.status === "closed") client.connection.open();
  await settle(world, "not at rest");
  // Calls that nobody waits for may be held back yet: what is sent now comes behind them.
  greet(world);
  await settle(world, "what is held back does not go");
  checkLost(world);
}

/** Waits until nothing goes on any more. */
async function settle(world: World, otherwise: string): Promise<void> {
  const { clock } = world;
  // Where few frames may be kept, a stream goes on with each acknowledgement only.
  const end = clock.now() + PATIENCE;
  do await clock.advance(500);
  while (world.failure === undefined && clock.now() < end && restless(world) !== undefined);
  const left = restless(world);
  if (left !== undefined) world.fail(`${otherwise}: ${left}`);
}

function greet({ clients, servers }: World): void {
  for (const client of clients) client.send();
  for (const server of servers) for (const target of server.targets) server.push(target);
}

/** Calls that were lost had lost their connection, or were cut short as it was handed over. */
function checkLost({ lostCalls, wiretap, fail }: World): void {
  for (const [{ serial, lost, connection }, life] of lostCalls) {
    const moved = wiretap.all.get(connection ?? life?.connection ?? "")?.moved === true;
    const over = connection === undefined ? life?.there !== true : life?.server === "gone";
    if (lost === 0 && !moved && !over) fail(`call ${serial} was lost, and ${life?.connection} was not`);
  }
}

/** What goes on still. */
function restless({ clients, servers, book, tasks, model, wiretap, lines }: World): string | undefined {
  if (lines.some(({ mute }) => mute)) return "a line is silent, and nobody has noticed";
  const away = clients.find((client) => !client.open && client.connection.status !== "closed");
  if (away !== undefined) return `client ${away.index} is ${away.connection.status}`;
  const [open] = book.open;
  if (open !== undefined) return `call ${open.serial} (${open.kind}) has no ending`;
  if (tasks.size > 0) return "somebody waits for room";
  if (servers.some(({ drained, targets }) => drained !== undefined && targets.length > 0)) return "a server is drained";
  const there = servers.flatMap(({ targets }) => targets).length;
  const wanted = clients.filter((client) => client.open).length;
  if (there !== wanted) return `${there} connections for ${wanted} clients`;
  // One that nobody waits for any more has its ending on the way.
  const lives = clients.flatMap(({ party }) => (party.life?.there === true ? [party.life] : []));
  const wired = lives.map(({ connection }) => wiretap.all.get(connection));
  const called = wired.find((one) => one !== undefined && one.up.calls.size + one.down.calls.size > 0);
  if (called !== undefined)
    return `${called.id}: calls ${[...called.up.calls, ...called.down.calls].join()} have no ending`;
  return clients.map(({ party }) => model.missing(party)).find((missing) => missing !== undefined);
}

/** What begins now works, and with the smallest numbers: nothing is left of what was. */
async function probe(world: World): Promise<void> {
  const { clients, servers, wiretap } = world;
  const open = clients.filter((client) => client.open);
  const wired = open.map(({ party }) => wiretap.all.get(party.life!.connection)!);
  for (const { up, down } of wired) up.firstCall = down.firstCall = undefined;
  greet(world);
  for (const client of open) world.call(client, undefined, PROBE);
  for (const server of servers) for (const target of server.targets) world.call(server, target, PROBE);
  for (const client of open)
    for (const kind of ["stream", "sum"] as const) world.call(client, undefined, { ...PROBE, kind });
  await settle(world, "what began anew has not ended");
  for (const { id, up, down } of wired)
    if (up.firstCall !== 0 || down.firstCall !== 0)
      world.fail(`${id}: new calls were ${up.firstCall} and ${down.firstCall}`);
}

const PROBE: Asked = { kind: "now", size: 40, timeout: Infinity, idempotent: false };

/** When all is closed, nothing is left. */
async function close(world: World): Promise<void> {
  const { clients, servers, clock, network } = world;
  world.say("all close");
  const first = world.dice.chance(0.5);
  if (first) for (const client of clients) client.connection.close();
  await clock.advance(100);
  await Promise.all(servers.map(({ app }) => app.close()));
  if (!first) for (const client of clients) client.connection.close();
  await clock.advance(LONGEST);
  if (clock.timers > 0) world.fail(`${clock.timers} timers are left`);
  if (network.lines.length > 0) world.fail(`${network.lines.length} lines are open`);
  const [open] = world.book.open;
  if (open !== undefined) world.fail(`call ${open.serial} (${open.kind}) has no ending, though all is closed`);
  for (const [id, { server }] of world.model.lives)
    if (server !== "gone" && server !== "parked") world.fail(`${id} is ${server}`);
}
