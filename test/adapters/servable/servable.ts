import type { Admission, PeerInfo, Servable, TransportLimits } from "../../../src/server/admission.ts";
import type { Socket } from "../../../src/socket/socket.ts";

/** Something that happened, as `/events` tells it. */
export interface ServableEvent {
  /** The `id` in the query of the upgrade request. */
  readonly id: string;
  readonly what: "admit" | "abandon" | "open" | "message" | "flood" | "drain" | "close";
  readonly [detail: string]: unknown;
}

const limits: TransportLimits = { packet: 65_536, sendLimit: 8 * 1_024 * 1_024, handshake: 1_000 };

/**
 * The least that an adapter can serve: an echo that says what it sees. Its upgrade's query tells it how to behave:
 * `delay` in ms before it answers, `refuse` with a status. Messages that start with "!" are commands.
 */
export function createServable(transport: Partial<TransportLimits> = {}): Servable {
  const events: ServableEvent[] = [];
  const sockets = new Set<Socket>();

  function open(socket: Socket, id: string): void {
    let closing = false;
    const log = (what: ServableEvent["what"], details: object): number => events.push({ id, what, ...details });
    log("open", { protocol: socket.protocol });
    sockets.add(socket);
    socket.onclose = (code, reason) => {
      sockets.delete(socket);
      log("close", { code, reason });
    };
    socket.ondrain = () => log("drain", { bufferedAmount: socket.bufferedAmount });
    socket.onmessage = (data) => {
      const text = typeof data === "string";
      const plain = text || Object.getPrototypeOf(data) === Uint8Array.prototype;
      log("message", { text, plain, length: data.length, closing });
      if (!text || !data.startsWith("!")) return socket.send(data);
      const [command, first = "", second = ""] = data.split(" ");
      if (command === "!close") {
        closing = true;
        socket.close(first === "" ? undefined : Number(first), second);
        socket.send("after close");
        socket.close(4009, "twice");
      }
      if (command === "!burst") for (let i = 0; i < Number(first); i++) socket.send(i % 2 ? `${i}` : Uint8Array.of(i));
      if (command === "!joined") {
        const kinds = ["a", "\u00e9".repeat(200), Uint8Array.of(1), new Uint8Array(5_000)];
        for (const first of kinds) {
          for (const second of kinds) {
            socket.send(first, true);
            socket.send(second);
          }
        }
      }
      if (command === "!flood") {
        const message = "x".repeat(Number(second));
        for (let i = 0; i < Number(first); i++) socket.send(message);
        log("flood", { bufferedAmount: socket.bufferedAmount });
      }
    };
  }

  return {
    transport: { ...limits, ...transport },
    isUpgrade(request) {
      const upgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
      return upgrade && request.method === "GET" && new URL(request.url).pathname === "/prism";
    },
    drain: () => Promise.resolve(),
    async admit(request, peer): Promise<Admission | Response> {
      const { searchParams } = new URL(request.url);
      const id = searchParams.get("id") ?? "";
      const host = request.headers.get("host");
      events.push({ id, what: "admit", host, remoteAddress: peer?.remoteAddress });
      await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get("delay") ?? 0)));
      const headers = new Headers([
        ["set-cookie", "a=1; HttpOnly"],
        ["set-cookie", "b=2; Secure"],
        ["x-prism", "yes"],
      ]);
      const refuse = searchParams.get("refuse");
      if (refuse !== null) return new Response("You may not", { status: Number(refuse), headers });
      const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
      return {
        headers,
        protocol: offered.map((name) => name.trim()).find((name) => name === "prism.1"),
        open: (socket) => open(socket, id),
        abandon: () => void events.push({ id, what: "abandon" }),
      };
    },
    async fetch(request: Request, peer?: PeerInfo): Promise<Response> {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/events") return Response.json(events.filter(({ id }) => id === searchParams.get("id")));
      if (pathname === "/peer") return Response.json(peer);
      if (pathname === "/echo") return new Response(request.body);
      if (pathname === "/hang") return await new Promise<Response>(() => {});
      return new Response("Not here", { status: 404 });
    },
    async close() {
      for (const socket of sockets) socket.close(1001, "closing");
    },
  };
}
