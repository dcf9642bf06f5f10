import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";

const client = createTRPCClient({ links: [wsLink({ client: createWSClient({ url: "ws://localhost:3000" }) })] });
document.body.append(await client.math.add.query({ a: 1, b: 2 }));
