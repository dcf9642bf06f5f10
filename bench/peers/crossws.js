// crossws on Node, which gives back what it is given; with `publish`, what it gets goes to everybody, its sender included.
import { createServer } from "node:http";
import process from "node:process";
import crossws from "crossws/adapters/node";
import { ready } from "../servers/ready.ts";

const publishes = process.argv.includes("publish");
const sockets = crossws({
  hooks: {
    open(peer) {
      if (publishes) peer.subscribe("room");
    },
    message(peer, message) {
      const data = typeof message.rawData === "string" ? message.text() : message.uint8Array();
      peer.send(data);
      if (publishes) peer.publish("room", data);
    },
  },
});
const http = createServer();
http.on("upgrade", sockets.handleUpgrade);
http.listen(0, () => ready(http.address().port));
