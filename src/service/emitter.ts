/** Says that one no longer wants to hear. */
export type Off = () => void;

/** Listeners by the name of what they hear. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();
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
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    const own = (value: Events[Name]): void => listener(value);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /**
   * Calls the listeners of a name, in the order in which they came.
   *
   * @param name the event's name
   * @param value what they are called with
   */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        const late: unknown = listener(value as never);
        if (late instanceof Promise) late.catch((error) => this.#failed(error, name));
      } catch (error) {
        this.#failed(error, name);
      }
    }
  }
}
