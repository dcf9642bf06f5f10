import type { Socket } from "../../src/socket/socket.ts";
import type { Config } from "./schedule.ts";
import { Tapped } from "./tapped.ts";

/** Whoever hears that something does not hold; the first counts. */
export type Fail = (what: string) => void;

/** One direction of a connection, as it was seen on the wire. */
class Course {
  /** The counted frames, each by its number, whatever sockets carried it. */
  readonly frames: string[] = [];
  /** How many of them the receiver has taken. */
  taken = 0;
  /** How many the sender knows of. */
  acknowledged = 0;
  /** What those weigh that it does not know of. */
  weight = 0;
  /** Calls whose ending the caller has not got. */
  readonly calls = new Set<number>();
  /** The number of the first call since somebody began to look. */
  firstCall: number | undefined;

  acknowledge(count: number): void {
    for (; this.acknowledged < count; this.acknowledged++) this.weight -= this.frames[this.acknowledged]?.length ?? 0;
  }
}

/** A connection, as it was seen on the wire. */
export class Wired {
  readonly id: string;
  readonly up: Course = new Course();
  readonly down: Course = new Course();
  /** Whether the server has had a frame of its client's. */
  heard = false;
  /** Whether more was sent before that than is kept. */
  forgot = false;
  /** Whether it went from one server to another, so that what arrived may not have been taken. */
  moved = false;
  /** Whether its end is nobody's fault: the network lied, or somebody else's server was asked. */
  excused = false;
  /** The token that its client holds, those that are spent, and the one on its way. */
  token: string | undefined;
  readonly spent: string[] = [];
  next: string | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** The client has shown that it has the next token. */
  confirm(): void {
    if (this.next === undefined || this.next === this.token) return;
    if (this.token !== undefined) this.spent.push(this.token);
    this.token = this.next;
  }
}

/** What is seen of all connections on all sockets. */
export class Wiretap {
  readonly all = new Map<string, Wired>();
  readonly config: Config;
  readonly fail: Fail;

  constructor(config: Config, fail: Fail) {
    this.config = config;
    this.fail = fail;
  }
}

interface Welcome {
  readonly connection: string;
  readonly resumed: boolean;
  readonly resume?: string;
  readonly received: number;
  readonly sent: number;
}

/** Watches one line: what is sent at both ends, and what arrives. */
export class Tap {
  readonly near: Tapped;
  readonly far: Tapped;
  /** The connection that the server has welcomed on it. */
  wired: Wired | undefined;
  /** Whether the client has its welcome. */
  arrived = false;
  readonly #wiretap: Wiretap;
  readonly #welcomed: (wired: Wired, resumed: boolean) => void;
  #resumed = false;
  #received = 0;
  #answered = false;
  #token: string | undefined;
  #counts = { upSent: 0, upTaken: 0, downSent: 0, downTaken: 0 };

  constructor(near: Socket, far: Socket, wiretap: Wiretap, welcomed: (wired: Wired, resumed: boolean) => void) {
    this.#wiretap = wiretap;
    this.#welcomed = welcomed;
    this.near = new Tapped(near, {
      sends: (frame) => this.#clientSends(frame),
      takes: (frame) => this.#clientTakes(frame),
      closes: (code, reason) => this.#closes("client", code, reason),
    });
    this.far = new Tapped(far, {
      sends: (frame) => this.#serverSends(frame),
      takes: (frame) => this.#serverTakes(frame),
      closes: (code, reason) => this.#closes("server", code, reason),
    });
  }

  #serverSends(frame: string): void {
    if (frame.startsWith('${"welcome"')) return this.#welcome(JSON.parse(frame.slice(1)) as Welcome);
    const { wired } = this;
    if (wired === undefined || isLink(frame)) return this.#checkCount(frame, wired?.up);
    const { replayFrames = 0, replayLimit = 0 } = this.#wiretap.config.limits;
    if (!this.#place("down", wired.down, ++this.#counts.downSent, frame)) return;
    const pending = wired.down.frames.length - wired.down.acknowledged;
    const over = pending > 1 && (pending > replayFrames || wired.down.weight > replayLimit);
    if (over && !wired.heard) wired.forgot = true;
    if (over && !wired.forgot) this.#fail(`server has ${pending} frames out, ${wired.down.weight} characters`);
  }

  #clientSends(frame: string): void {
    const { wired } = this;
    if (wired === undefined || isLink(frame)) return this.#checkCount(frame, wired?.down);
    if (!this.#place("up", wired.up, ++this.#counts.upSent, frame)) return;
    const pending = wired.up.frames.length - wired.up.acknowledged;
    const over = pending > 1 && (pending > 1_024 || wired.up.weight > this.#wiretap.config.replayLimit);
    if (over) this.#fail(`client has ${pending} frames out, ${wired.up.weight} characters`);
  }

  #serverTakes(frame: string): void {
    const { wired } = this;
    if (wired === undefined) return;
    wired.heard = true;
    if (this.#token === wired.next) wired.confirm();
    if (frame.startsWith("%")) wired.down.acknowledge(readNumber(frame, 1));
    else if (!isLink(frame)) take(wired.up, wired.down, ++this.#counts.upTaken, frame);
  }

  #clientTakes(frame: string): void {
    const { wired } = this;
    if (wired === undefined) return;
    if (!this.arrived) {
      this.arrived = true;
      wired.up.acknowledge(this.#received);
      return this.#welcomed(wired, this.#resumed);
    }
    if (frame.startsWith("%")) wired.up.acknowledge(readNumber(frame, 1));
    else if (!isLink(frame)) take(wired.down, wired.up, ++this.#counts.downTaken, frame);
  }

  #welcome({ connection, resumed, resume, received, sent }: Welcome): void {
    const { all } = this.#wiretap;
    const known = all.get(connection);
    if (resumed !== (known !== undefined)) this.#fail(`welcome of ${resumed ? "an unknown" : "a known"} connection`);
    const wired = known ?? new Wired(connection);
    all.set(connection, wired);
    this.wired = wired;
    this.#resumed = resumed;
    this.#received = received;
    // Whoever offers the next token has shown that it has it.
    if (resume !== wired.next) wired.confirm();
    this.#token = wired.next = resume;
    const { up, down } = wired;
    if (wired.moved) up.taken = Math.min(up.taken, received);
    if (up.taken !== received) this.#fail(`welcome says ${received} received where it is ${up.taken}`);
    down.acknowledge(sent);
    this.#counts = { upSent: received, upTaken: received, downSent: sent, downTaken: sent };
  }

  /** Sees that a frame with a number is the one that has it. Says whether it is new. */
  #place(way: string, course: Course, number: number, frame: string): boolean {
    const { frames } = course;
    if (number <= frames.length) {
      if (frames[number - 1] !== frame) this.#fail(`${way} frame ${number} was ${frames[number - 1]}, is now ${frame}`);
      return false;
    }
    if (number > frames.length + 1) this.#fail(`${way} frame ${number} after ${frames.length}`);
    frames.push(frame);
    course.weight += frame.length;
    if (frame.startsWith("?")) {
      const id = readNumber(frame, 2);
      if (course.calls.has(id)) this.#fail(`${way} call ${id} before that of the same number has ended`);
      course.calls.add(id);
      course.firstCall ??= id;
    }
    return true;
  }

  /** What answers the welcome was written before what came right behind that. */
  #checkCount(frame: string, course: Course | undefined): void {
    if (course === undefined || !frame.startsWith("%")) return;
    const count = readNumber(frame, 1);
    const answers = course === this.wired?.down && !this.#answered;
    if (answers) this.#answered = true;
    if (answers ? count > course.taken : count !== course.taken)
      this.#fail(`acknowledgement of ${count} where ${course.taken} were received`);
  }

  /** Both ends keep to the protocol, so that neither has anything to say against the other. */
  #closes(end: string, code: number | undefined, reason: string | undefined): void {
    // Where the network has said that the connection is over, one end knows no more what the other goes on with.
    if (code === undefined || !COMPLAINTS.has(code) || this.wired?.excused === true) return;
    this.#fail(`${end} closes with ${code}: ${reason}`);
  }

  #fail(what: string): void {
    this.#wiretap.fail(`${this.wired?.id ?? "?"}: ${what}`);
  }
}

/** Close codes that say that the peer has broken the protocol. */
const COMPLAINTS = new Set([1002, 1007, 1009, 4004]);

/** The receiver takes a frame, which may be the ending of a call of the other way. */
function take(course: Course, other: Course, number: number, frame: string): void {
  if (number <= course.taken) return;
  course.taken = number;
  if (frame.startsWith("=") || frame.startsWith("!")) other.calls.delete(readNumber(frame, 1));
}

function isLink(frame: string): boolean {
  return "$%()".includes(frame[0]!);
}

/** PROTOCOL.md, "Numbers". */
function readNumber(frame: string, from: number): number {
  let value = 0;
  for (let at = from; ; at++) {
    const code = frame.charCodeAt(at);
    value = value * 32 + (code & 31);
    if (code < 0x60) return value;
  }
}
