import { connect } from "../../../src/client/connect.ts";
import { pubsub } from "../../../src/services/pubsub/client.ts";
import { rpc } from "../../../src/services/rpc/client.ts";

const client = connect("ws://localhost:3000", { services: { math: rpc(), rooms: pubsub() } });
document.body.append(await client.math.add({ a: 1, b: 2 }));
const news = client.rooms.channel("news");
news.on(alert);
await news.subscribe();
