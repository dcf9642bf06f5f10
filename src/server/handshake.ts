import type { Timer } from "../wire/clock.ts";
import type { Admission, PeerInfo, Servable } from "./admission.ts";
import { serverClock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import { Turnstile } from "./turnstile.ts";

/**
 * Handshakes that begin, or come to their end, in one turn of the event loop: each takes some tenths of a millisecond, and
 * when thousands come at once, those who are connected are not to wait for all of them.
 */
const PER_TURN = 2;
const turnstile = new Turnstile(serverClock, PER_TURN);

/** The handshakes of an app, in turns and in time. */
export class Handshakes {
  readonly #app: Servable;
  readonly #deadlines: Deadlines;

  /** @param app the app that is asked */
  constructor(app: Servable) {
    this.#app = app;
    this.#deadlines = new Deadlines(serverClock, app.transport.handshake);
  }

  /** @param run what to do when a handshake has taken as long as it may */
  limit(run: () => void): Timer {
    return this.#deadlines.set(run);
  }

  /**
   * Asks the app to admit an upgrade, for as long as a handshake may take: `app.admit` with a deadline.
   *
   * @param request the upgrade request
   * @param peer what is known of the peer
   * @returns the app's answer, or a `Response` with status 503 when it took too long; what it answers later is abandoned
   */
  admit(request: Request, peer: PeerInfo): Promise<Admission | Response> {
    return new Promise((resolve) => {
      let late = false;
      const deadline = this.limit(() => {
        late = true;
        resolve(new Response("The handshake took too long", { status: 503 }));
      });
      const settle = (answer: Admission | Response): void => {
        deadline.cancel();
        if (late && isAdmission(answer)) answer.abandon();
        resolve(answer);
      };
      const settleInTurn = (answer: Admission | Response): void => turnstile.pass(() => settle(answer));
      turnstile.pass(() => {
        this.#app.admit(request, peer).then(settleInTurn, () => settleInTurn(new Response(null, { status: 500 })));
      });
    });
  }
}

/**
 * Tells leave from refusal, by shape: a `Response` may come from another realm or library.
 *
 * @param answer what `admit` answered
 * @returns whether it is leave to upgrade
 */
export function isAdmission(answer: Admission | Response): answer is Admission {
  return "abandon" in answer;
}
