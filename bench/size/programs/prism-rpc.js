import { connect } from "../../../src/client/connect.ts";
import { rpc } from "../../../src/services/rpc/client.ts";

const client = connect("ws://localhost:3000", { services: { math: rpc() } });
document.body.append(await client.math.add({ a: 1, b: 2 }));
