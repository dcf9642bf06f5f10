import { describe, expect, test } from "vitest";
import { End, type Ends } from "./ends.ts";
import { createLasting, cut, resume } from "./resumption.ts";

/** Has another server take the connection up. */
function handOver(ends: Ends): Ends {
  const parked = ends.server.connection.park();
  // As it goes from one process to another.
  const text = JSON.parse(JSON.stringify(parked)) as typeof parked;
  const server = new End(ends.clock, { lasting: true, heard: true });
  server.connection.unpark(text);
  server.link = ends.server.link;
  return { ...ends, server };
}

describe("a connection that is handed over", () => {
  test("goes on at another server, with what no socket has brought", async () => {
    const ends = createLasting();
    const { client, server, clock } = ends;
    for (const frame of ["Aone", "Atwo"]) server.connection.send(frame);
    client.connection.send("Aup");
    await clock.settle();
    server.connection.send("Alost");
    clock.turn();
    cut(ends);
    server.connection.send("Awaits");
    client.connection.send("Alater");
    const after = handOver(ends);
    expect(resume(after)).toBe(true);
    after.server.connection.send("Anew");
    await clock.settle();
    expect(client.heard).toEqual(["1 one", "1 two", "1 lost", "1 waits", "1 new"]);
    expect(server.heard).toEqual(["1 up"]);
    expect(after.server.heard).toEqual(["1 later"]);
    expect(after.server.connection.received).toBe(client.connection.sent);
  });

  test("takes nothing more where it was, though its socket is open, and is over there", async () => {
    const ends = createLasting();
    const { client, server, clock } = ends;
    await clock.settle();
    const after = handOver(ends);
    client.connection.send("Alate");
    client.ask("late");
    client.link.post("%@");
    client.link.post("(");
    await clock.settle();
    server.connection.send("A");
    await clock.settle();
    expect(server.heard).toEqual([]);
    expect([...client.heard, ...client.closed, ...server.closed]).toEqual([]);
    expect([server.connection.over, server.connection.attached]).toEqual([true, false]);
    expect(resume(after)).toBe(true);
    await clock.settle();
    expect(after.server.heard).toEqual(["1 late", "call 0 late"]);
  });

  test("has its calls end with lost at both ends, and what the peer still says of them is taken", async () => {
    const ends = createLasting();
    const { client, server, clock } = ends;
    const fromClient = client.ask("up");
    const fromServer = [server.ask("zero"), server.ask("one"), server.ask("two")];
    await clock.settle();
    client.answers[1]!.result("done");
    fromServer[2]!.cancel();
    await clock.settle();
    fromServer.push(server.ask("three"));
    await clock.settle();
    const parked = handOver(ends);
    expect(server.answers[0]!.log).toEqual(["cancelled"]);
    expect(fromServer.map(({ log }) => log)).toEqual([["! lost"], ["= done"], ["! cancelled"], ["! lost"]]);
    // The client has answered and sent items by then, or does so now.
    client.answers[0]!.item("item");
    expect(resume(parked)).toBe(true);
    const after = parked.server;
    const next = [after.ask("a"), after.ask("b")];
    await clock.settle();
    expect(next.map(({ id }) => id)).toEqual([2, 3]);
    expect(fromClient.log).toEqual(["! lost"]);
    expect(client.answers.map(({ log }) => log)).toEqual([["cancelled"], [], ["cancelled"], ["cancelled"], [], []]);
    // The numbers are free again once the client has ended them.
    expect([after.ask("c").id, after.ask("d").id]).toEqual([0, 1]);
    expect([...client.closed, ...after.closed].filter(({ code }) => code === 1002 || code === 4004)).toEqual([]);
  });

  test("counts nobody's calls as busy", async () => {
    const ends = createLasting();
    ends.server.ask("down");
    await ends.clock.settle();
    expect(ends.server.connection.busy).toBe(true);
    const after = handOver(ends);
    expect(after.server.connection.busy).toBe(false);
  });
});
