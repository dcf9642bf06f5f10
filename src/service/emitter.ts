import { isThenable } from "./thenable.ts";

/** Says that one no longer wants to hear. */
export type Off = () => void;

/** Listeners by the name of what they hear. */
export class Emitter<Events> {
  /** A list is never changed, only replaced: who is added during an event hears the next one. */
  readonly #listeners = new Map<keyof Events, readonly ((value: never) => unknown)[]>();
  readonly #failed: (error: unknown, name: keyof Events) => void;

  /** @param failed hears of a listener that throws; the others go on */
  constructor(failed: (error: unknown, name: keyof Events) => void) {
    this.#failed = failed;
  }

  /**
   * Calls a listener with each event of a name.
   *
   * @param name the event's name
   * @param listener what to call
   * @returns takes the listener off again
   */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): Off {
    let active = true;
    const own = (value: Events[Name]): unknown => (active ? listener(value) : undefined);
    this.#listeners.set(name, [...this.#of(name), own]);
    return () => {
      active = false;
      this.#listeners.set(
        name,
        this.#of(name).filter((other) => other !== own),
      );
    };
  }

  /**
   * Calls the listeners of a name, in the order in which they came.
   *
   * @param name the event's name
   * @param value what they are called with
   */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of this.#of(name)) {
      try {
        const late: unknown = listener(value as never);
        if (isThenable(late)) Promise.resolve(late).catch((error: unknown) => this.#failed(error, name));
      } catch (error) {
        this.#failed(error, name);
      }
    }
  }

  #of(name: keyof Events): readonly ((value: never) => unknown)[] {
    return this.#listeners.get(name) ?? [];
  }
}
