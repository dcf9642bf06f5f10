/**
 * The WebSocket-like port: whatever carries whole messages, text and binary, in order, both ways. One instance serves
 * one transport connection from open to close; it is open when it is handed over.
 *
 * An implementation MUST
 * - deliver messages in the order sent, text as `string`, binary as `Uint8Array` over a buffer nobody writes to again;
 * - call `onclose` exactly once, also after its own `close`, and nothing after it;
 * - read the handlers at each event: they are assigned after the socket is handed over, in the same turn;
 * - call them as its own methods: whoever assigns one for many sockets knows by `this` which it is.
 *
 * It MUST NOT
 * - throw from any member; a message that cannot be sent is lost with the socket, which then closes;
 * - send anything after `close`, or call `onmessage` after `close` was called (Node's `ws` goes on: an adapter stops it);
 * - call a handler from within `send` or `close`.
 */
export interface Socket {
  /** The subprotocol that was selected when it was opened, where the transport has such a thing. */
  readonly protocol?: string | undefined;
  /** Bytes taken by `send` and not yet handed to the network. */
  readonly bufferedAmount: number;
  /**
   * Sends one message.
   *
   * @param data the message
   * @param more whether another follows in this turn, so that both may be handed to the network in one go
   */
  send(data: string | Uint8Array, more?: boolean): void;
  /** Whatever its user keeps with it, to be found in a handler: an implementation leaves it alone. */
  owner?: unknown;
  /** Starts closing; `code` as in RFC 6455 section 7.4, `reason` at most 123 bytes. */
  close(code?: number, reason?: string): void;
  /** Called with each message that arrives. */
  onmessage: (this: Socket, data: string | Uint8Array) => void;
  /** Called once when it is over: the peer's code or ours, 1006 when the transport was lost. */
  onclose: (this: Socket, code: number, reason: string) => void;
  /** Called when `bufferedAmount` has come down to 0 after it was not. */
  ondrain: (this: Socket) => void;
}
