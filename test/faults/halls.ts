import { Actor, PATIENCE } from "./actor.ts";
import type { AudienceReport, AudienceState, Streams } from "./audience.ts";
import type { Burst, HallState } from "./server/halls/run.ts";

/** A server of the rows about channels. */
export class Hall extends Actor<{ readonly port: number }, HallState> {
  get port(): number {
    return this.ready.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Has it publish so many messages a second by itself. */
  produce(channel: string, rate: number): Promise<void> {
    return this.ask("produce", channel, rate);
  }

  /** Has it publish no more. */
  hush(): Promise<Streams> {
    return this.ask("hush");
  }

  /** Has it publish many messages, of so many characters, without waiting for any. */
  burst(channel: string, count: number, size: number): Promise<Burst> {
    return this.ask("burst", channel, count, size);
  }

  /** Who is in a channel of the kind `kept`, as this server knows it. */
  members(room: string): Promise<string[]> {
    return this.ask("members", room);
  }

  /** Takes somebody out of a channel of the kind `kept`. */
  kick(room: string, kind: "session" | "user", who: string): Promise<void> {
    return this.ask("kick", room, kind, who);
  }

  /** For how long the event loop was kept busy at a stretch since it was last asked, in ms. */
  stall(): Promise<number> {
    return this.ask("stall");
  }
}

/** Connections that subscribe and publish. */
export class Audience extends Actor<object, AudienceState> {
  /**
   * Ends what is published, and tells how it went.
   *
   * @param others what servers have published of their own accord
   */
  finish(others: Streams = {}): Promise<AudienceReport> {
    return this.ask("finish", encodeURIComponent(JSON.stringify(others)));
  }

  /** Calls under way on all connections: where each ended, or with which code it failed. */
  slow(ms: number): Promise<string[]> {
    return this.ask("slow", ms);
  }

  /** Has nobody publish any more: what they know. */
  hush(): Promise<Streams> {
    return this.ask("hush");
  }

  /** Has those publish again who were told to stop. */
  speak(): Promise<void> {
    return this.ask("speak");
  }

  names(): Promise<string[]> {
    return this.ask("names");
  }

  /** Resolves when so many messages more have come, or after a time: with the state. */
  async hear(more: number, ms: number = PATIENCE): Promise<AudienceState> {
    const { received } = await this.state();
    return this.until("received", ">=", received + more, ms);
  }
}
