// Prism's client as an app has it. Arguments: the port, and how many calls are under way.
import process from "node:process";
import { connect } from "../../src/client/node.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import type { App } from "../servers/adding.ts";
import { drive } from "./drive.ts";

const client = connect<App>(`ws://127.0.0.1:${process.argv[2]}`, { services: { math: rpc() } });
await client.connection.opened;
drive((a, b) => client.math.add({ a, b }));
