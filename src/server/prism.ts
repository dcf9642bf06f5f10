import type { Shape } from "../service/contexts.ts";
import type { Prism } from "./app.ts";
import type { PrismOptions } from "./options.ts";
import { Server } from "./server.ts";

/**
 * Makes an app.
 *
 * @param options what it is to do besides its services
 * @returns a chain: `.use(middleware)`, `.service(name, service)`
 * @throws {TypeError} for an option that cannot be
 * @throws {RangeError} for a limit that cannot be
 * @example export const app = prism({ log: console.log }).service("math", rpc({ … }));
 */
export function prism<S extends Shape = Shape>(options: PrismOptions<S> = {}): Prism<Record<never, never>, S> {
  return new Server(options) as unknown as Prism<Record<never, never>, S>;
}
