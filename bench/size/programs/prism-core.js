import { connect } from "../../../src/client/connect.ts";

const client = connect("ws://localhost:3000", { services: {} });
await client.connection.opened;
