import type { MessageContext } from "../../service/contexts.ts";
import { checkDepth } from "../../service/depth.ts";
import { validate } from "../../service/schema.ts";
import { after } from "../../service/thenable.ts";
import { readValue, values } from "../../service/values.ts";
import { isPrismError, PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import { fits, readWanted, type Params } from "./patterns.ts";
import { writePost, type PostOptions } from "./post.ts";
import { toContext, type Found, type Rooms } from "./server-rooms.ts";

/** Hears of what is published here. */
interface Watcher {
  readonly pattern: string;
  readonly listener: (message: never, published: { readonly name: string; readonly params: Params }) => unknown;
}

/** Publishes, for clients and for the app. */
export class Publisher {
  readonly #rooms: Rooms;
  readonly #watchers = new Set<Watcher>();

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /** Hears of what is published here. Returns what takes the listener off. */
  watch(pattern: string, listener: Watcher["listener"]): () => void {
    const watcher = { pattern: readWanted(pattern), listener };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * Publishes what the app gives.
   *
   * @throws {PrismError} `bad_input` where it does not fit; also as a rejection, as all that the broker says
   */
  publish(found: Found, message: unknown, options: PostOptions): unknown {
    return after(validate(found.options.message, message), (valid) => this.#post(found, valid, options));
  }

  /**
   * Publishes what a client gives: at once, where nothing that is asked takes its time.
   *
   * @throws {PrismError} `unauthorized` where clients may not, `bad_input`, and what the app's `publish` throws
   */
  take(found: Found, body: Body, who: MessageContext<unknown>): unknown {
    const { input, publish, message } = found.options;
    if (input === undefined || publish === undefined) {
      throw new PrismError("unauthorized", `Clients may not publish to ${found.name}`);
    }
    checkDepth(values, body, this.#rooms.host.limits.depth);
    const context = toContext(who, found.name, found.params);
    const made = after(validate(input, readValue(body)), (given) => publish(given, context));
    const valid = after(made, (own) => {
      try {
        return validate(message, own);
      } catch (error) {
        return toFault(error);
      }
    });
    return after(valid, (own) => after(this.#post(found, own, {}), () => undefined));
  }

  #post(found: Found, message: unknown, options: PostOptions): unknown {
    const { name, params } = found;
    const { history } = found.options;
    const passing = options.volatile === true || options.conflate !== undefined;
    const body = writePost(values.encode(message), options);
    const retention = passing ? undefined : history;
    return after(this.#rooms.channels.publish(name, body, { retention }), (position) => {
      if (this.#watchers.size > 0) this.#tell(message, name, params);
      return position;
    });
  }

  #tell(message: unknown, name: string, params: Params): void {
    for (const { pattern, listener } of this.#watchers) {
      if (fits(pattern, name)) this.#rooms.tell(listener, message as never, { name, params });
    }
  }
}

/** A message that does not fit is no business of the client's: it hears `internal`, the log hears this. */
function toFault(error: unknown): never {
  if (!isPrismError(error)) throw error;
  throw new TypeError(`What publish returned does not fit the channel's message: ${error.message}`, { cause: error });
}
