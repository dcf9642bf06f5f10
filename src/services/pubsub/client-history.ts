import type { Call } from "../../service/call.ts";
import type { Body } from "../../wire/frames.ts";
import { HISTORY, type PageHead } from "./contract.ts";
import type { HistoryRequest, PastMessage } from "./client-api.ts";

/** How many messages a page has, where nothing is said. */
const LIMIT = 100;

/**
 * Reads of what the server keeps of a channel.
 *
 * @param call calls the server
 * @param name the channel's name
 * @param request what to read
 * @returns the messages, newest last
 */
export async function readHistory(
  call: (write: () => Body) => Call<PageHead, unknown>,
  name: string,
  { limit = LIMIT, before }: HistoryRequest = {},
): Promise<readonly PastMessage<unknown>[]> {
  const items = call(() => `${HISTORY}${name} ${JSON.stringify({ limit, before })}`)[Symbol.asyncIterator]();
  const messages: unknown[] = [];
  for (;;) {
    const { done, value } = await items.next();
    if (done === true) return messages.map((message, at) => ({ message, offset: value.to - messages.length + at + 1 }));
    messages.push(value);
  }
}
