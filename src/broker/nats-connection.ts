/** Headers of a message, as the client's `headers()` makes them. */
export interface NatsHeaders {
  /** What the server says with a message that has no body, such as 503; 0 where it says nothing. */
  readonly code: number;
  /** A header's value, or an empty text. */
  get(name: string): string;
  /** Gives a header its value. */
  set(name: string, value: string): void;
}

/** A message as the client brings it. */
export interface NatsMessage {
  /** What it was sent to. */
  readonly subject: string;
  /** Where an answer goes. */
  readonly reply?: string | undefined;
  /** Its body. */
  readonly data: Uint8Array;
  /** What stands before it. */
  readonly headers?: NatsHeaders | undefined;
}

/** What is used of a NATS connection: that of `@nats-io/transport-node`, its siblings for Deno and browsers, and `nats` fit. */
export interface NatsConnection {
  /** What the server has said of itself. */
  readonly info?: { readonly max_payload: number } | undefined;
  /** Sends a message, at once or with the next packet. */
  publish(subject: string, payload: Uint8Array, options?: { headers?: NatsHeaders; reply?: string }): void;
  /** Hears of a subject; again after each reconnect, by itself. */
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: NatsMessage) => void },
  ): { unsubscribe(): void };
  /** Sends a message and waits for what is answered. */
  request(
    subject: string,
    payload: Uint8Array,
    options?: { timeout: number; headers?: NatsHeaders },
  ): Promise<NatsMessage>;
  /** Resolves when the server has read all that was sent before. */
  flush(): Promise<void>;
  /** Tells of `disconnect` and `reconnect`, among others. */
  status(): AsyncIterable<{ readonly type: string }>;
}
