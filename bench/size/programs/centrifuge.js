import { Centrifuge } from "centrifuge";

const client = new Centrifuge("ws://localhost:3000");
client.connect();
document.body.append(await client.rpc("add", { a: 1, b: 2 }));
