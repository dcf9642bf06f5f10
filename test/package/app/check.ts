import type { connect as Connect } from "@prismrt/prism/client";
import { rpc } from "@prismrt/prism/services/rpc/client";
import { clockClient } from "prism-clock/client";
import type { App } from "./app.ts";

interface Server {
  readonly url: string;
  close(): Promise<void>;
}

/** Calls the server through the given front door and prints what came back; nothing then keeps the process alive. */
export async function check(server: Server, connect: typeof Connect): Promise<void> {
  const client = connect<App>(server.url.replace(/^http/, "ws"), { services: { math: rpc(), clock: clockClient } });

  const sum: number = await client.math.add({ a: 1, b: 2 });
  // @ts-expect-error A string is no number.
  await client.math.add({ a: "1", b: 2 }).catch(() => {});

  const items: number[] = [];
  const count = client.math.count(3);
  for await (const item of count) items.push(item);
  const result: string = await count;

  const tick = await new Promise<number>((resolve) => client.clock.onTick(resolve));

  client.connection.close();
  await server.close();
  console.log(`checked ${JSON.stringify({ sum, items, result, ticked: tick > 0 })}`);
}
