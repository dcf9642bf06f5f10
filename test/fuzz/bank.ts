import { Account, type AccountOptions } from "./account.ts";

/** What ends a connection, and not only its socket. */
const ENDING = new Set([1000, 1002, 1007, 1008, 1009, 4002, 4004]);

/** Whether a connection ends with a socket that is closed with this code. */
export function endsConnection(code: number): boolean {
  return ENDING.has(code);
}

/** The connections of an end under test, as far as somebody watches them. */
export class Bank {
  readonly #options: AccountOptions;
  readonly #accounts: Account[] = [];
  /** All tokens and ids that were ever given. */
  readonly given = new Set<string>();

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /** The tokens that are good now, and those that were. */
  get tokens(): { readonly good: readonly string[]; readonly spent: readonly string[] } {
    const good = this.#accounts.flatMap(({ token, next }) => [token, next].filter((one) => one !== undefined));
    return { good, spent: this.#accounts.flatMap(({ spent }) => spent) };
  }

  open(): Account {
    const account = new Account(this.#options);
    this.#accounts.push(account);
    return account;
  }

  /** The connection that a token is good for. */
  find(token: string): Account | undefined {
    return this.#accounts.find((account) => account.knowsToken(token));
  }

  /** The connection that a spent token was good for. */
  formerly(token: string): Account | undefined {
    return this.#accounts.find(({ alive, spent }) => alive && spent.includes(token));
  }

  withId(id: string): Account | undefined {
    return this.#accounts.find((account) => account.id === id);
  }
}
