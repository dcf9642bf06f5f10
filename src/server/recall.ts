import type { Channels } from "../broker/channels.ts";
import { bodyText } from "../wire/codecs.ts";
import type { Clock } from "../wire/clock.ts";
import type { Peer } from "./peer.ts";
import type { Resumptions } from "./resumptions.ts";
import type { Transfer } from "./transfer.ts";

/** How long a connection's calls have to come to their end before it goes, in ms: its client waits. */
const WITHIN = 2_000;
/** How often a connection is looked at that has calls, in ms. */
const LOOK = 10;
/** How long the name of a node is: it stands before its tokens. */
const NODE = 22;

/** What recalling needs of the app. */
export interface RecallOwner {
  readonly clock: Clock;
  readonly resumptions: Resumptions<Peer>;
  /** Whether there are sessions, which a client must be of. */
  readonly gate: unknown;
}

/** What a server asks another one for. */
interface Wanted {
  readonly token: string;
  /** The session of the client that shows it; nothing where the app keeps none. */
  readonly session: string | undefined;
  /** Whether that came with a cookie of it. */
  readonly met: boolean;
}

/** Asks other servers for connections of theirs whose clients have come here, and gives up those whose have gone there. */
export class Recall {
  readonly #channels: Channels;
  readonly #owner: RecallOwner;
  readonly #transfer: Transfer;
  readonly #going = new Set<Peer>();

  /**
   * @param channels those between the servers, for this alone
   * @param owner the app
   * @param transfer hands connections over
   */
  constructor(channels: Channels, owner: RecallOwner, transfer: Transfer) {
    this.#channels = channels;
    this.#owner = owner;
    this.#transfer = transfer;
    channels.listen(channels.node, (body) => void this.#give(JSON.parse(bodyText(body)) as Wanted));
  }

  /** Asks the server that has given a token to hand its connection over. Whether it does is seen in the handover. */
  ask(wanted: Wanted): void {
    const node = wanted.token.slice(0, NODE);
    // One of another kind, or of a connection that has ended here.
    if (wanted.token.length <= NODE || node === this.#channels.node) return;
    // Where nobody hears of it, nothing is handed over.
    (async () => this.#channels.publish(node, JSON.stringify(wanted)))().catch(() => {});
  }

  async #give({ token, session, met }: Wanted): Promise<void> {
    const { clock, resumptions, gate } = this.#owner;
    const peer = resumptions.get(token);
    if (peer === undefined || !peer.begun || this.#going.has(peer)) return;
    if (gate !== undefined && peer.live.id !== session && (met || peer.met)) return;
    this.#going.add(peer);
    try {
      await this.#transfer.announce(peer, WITHIN);
      for (const until = clock.now() + WITHIN; peer.wire.busy && !peer.closed && clock.now() < until;) {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, LOOK));
      }
      if (peer.closed) return;
      await this.#transfer.park(peer);
      peer.release();
    } finally {
      this.#going.delete(peer);
    }
  }
}
