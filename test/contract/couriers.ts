import type { ClientHost, Codec, CodecName, ConnectionHandle, DefinedService, ServerHost, Shape } from "../../mod.ts";
import { defineService } from "../../mod.ts";

/** What a courier gives its client. */
export interface CourierClient<Value> {
  send(value: Value): void;
  onMessage(listener: (value: Value) => void): () => void;
  onReset(listener: () => void): () => void;
  /** Comes back by way of the client's own answer; the items come back before it. */
  call(value: Value, items?: Iterable<Value>): AsyncIterable<Value, Value>;
  answer(how: (value: Value) => Value): void;
}

/** What a courier gives the app. */
export interface CourierServer<Value> {
  send(to: ConnectionHandle<unknown>, value: Value): void;
}

type Courier<Value> = DefinedService<
  "courier",
  CourierClient<Value>,
  CourierServer<Value>,
  Shape,
  Record<never, never>
>;

/**
 * A service that brings everything back, so that one round trip shows a codec at work in each place that it has:
 * messages and calls both ways, items both ways, results both ways.
 *
 * @param codec how its values travel
 * @param hear told of each message, with whose it is
 */
export function courier<Value>(
  codec: CodecName | Codec<Value>,
  hear: (connection: object, value: Value) => void = () => {},
): Courier<Value> {
  return defineService({
    kind: "courier",
    codec,
    client: (host: ClientHost<Value, Value>) => {
      let answer: (value: Value) => Value = (value) => value;
      host.oncall((value) => answer(value));
      return {
        send: (value: Value) => host.send(value),
        onMessage: (listener: (value: Value) => void) => host.onmessage(listener),
        onReset: (listener: () => void) => host.onreset(listener),
        call: (value: Value, items: Iterable<Value> = []) => host.call<Value, Value>(value, { items }),
        answer: (how: (value: Value) => Value) => {
          answer = how;
        },
      };
    },
    server: (host: ServerHost<Value, Value>) => {
      host.onmessage((value, { connection }) => {
        hear(connection, value);
        host.send(connection, value);
      });
      host.oncall(async function* (value, { connection, items }) {
        for await (const item of items) yield item;
        return await host.call<Value>(connection, value);
      });
      return { send: (to: ConnectionHandle<unknown>, value: Value) => host.send(to, value) };
    },
  });
}

const text = (body: string | Uint8Array): string => (typeof body === "string" ? body : new TextDecoder().decode(body));

/** A codec of one's own that writes text. */
export const dates: Codec<Date> = {
  encode: (date) => date.toISOString(),
  decode: (body) => {
    const date = new Date(text(body));
    if (Number.isNaN(date.getTime())) throw new RangeError("No date");
    return date;
  },
};

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A codec of one's own that writes bytes. */
export const points: Codec<Point> = {
  encode: ({ x, y }) => new Uint8Array(Float64Array.of(x, y).buffer),
  decode: (body) => {
    if (typeof body === "string") throw new TypeError("A point is bytes");
    const [x = 0, y = 0] = new Float64Array(body.slice().buffer);
    return { x, y };
  },
};
