import { describe, expect, test } from "vitest";
import { expectNoUnhandledRejections, watch } from "../service/joined.ts";
import { createStage, resumed, welcome, type Stage } from "./scripted.ts";

expectNoUnhandledRejections();

const lost = { error: expect.objectContaining({ code: "lost" }) };

/** What the last attempt offered to resume. */
const offer = ({ attempts }: Stage): string | undefined => attempts.at(-1)!.protocols[1];

describe("a client whose socket goes", () => {
  test("offers the token of each welcome, and how much it has received", async () => {
    const stage = createStage({ manifest: { hash: "h", services: {} } });
    const first = await stage.opened({ resume: "t1" });
    expect(stage.attempts[0]!.protocols).toEqual(["prism.1", "prism.manifest.h"]);
    first.say("Aone", "Atwo");
    await stage.clock.settle();
    const second = await stage.next();
    expect(stage.attempts[1]!.protocols).toEqual(["prism.1", "prism.resume.t1.2", "prism.manifest.h"]);
    second.say(resumed({ sent: 2 }), "Athree");
    await stage.clock.settle();
    expect(second.frames()).toEqual(["%B"]);
    await stage.next();
    expect(offer(stage)).toBe("prism.resume.t2.3");
    // A lost welcome costs nothing.
    await stage.next();
    expect(offer(stage)).toBe("prism.resume.t2.3");
  });

  test("says the same in its hello where no subprotocol was selected", async () => {
    const stage = createStage();
    stage.answer = () => stage.accept();
    const first = await stage.opened({ resume: "t1" });
    first.say("A1");
    await stage.clock.settle();
    const second = await stage.next();
    expect(second.packets).toEqual(['${"hello":1,"resume":"t1","received":1}']);
    second.say(resumed({ sent: 1 }));
    await stage.clock.settle();
    expect(second.frames().slice(1)).toEqual(["%A"]);
    expect(stage.client.connection.status).toBe("open");
  });

  test("goes on with its calls, and nobody is told but of the status", async () => {
    const stage = createStage();
    let resets = 0;
    stage.client.a.onreset(() => void resets++);
    const first = await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go"));
    await stage.clock.settle();
    expect(first.frames()).toEqual(['?A@"go"']);
    const second = await stage.next();
    second.say(resumed({ received: 1 }));
    second.say('=@"done"');
    await stage.clock.settle();
    expect(call).toEqual({ value: "done" });
    expect(stage.heard).toEqual(["status suspended", "suspended 1006 (suspended)", "status open", "resumed"]);
    expect(resets).toBe(0);
    expect(second.packets).toEqual(["%@"]);
    expect(stage.client.a.init).toBe("init");
  });

  test("replays what the server has not got, and then sends what has waited", async () => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1" });
    for (const body of [1, 2, 3]) stage.client.a.send(body);
    await stage.clock.settle();
    first.socket.close(1006);
    await stage.clock.settle();
    const call = watch(stage.client.b.call("waits"));
    stage.client.a.send(4);
    await stage.clock.advance(250);
    const second = stage.end();
    second.say(resumed({ received: 1 }));
    await stage.clock.settle();
    expect(second.packets).toEqual(["%@", 'A2\x1eA3\x1e?@@"waits"\x1eA4']);
    second.say('=@"ok"', "%D");
    await stage.clock.settle();
    expect(call).toEqual({ value: "ok" });
    const third = await stage.next();
    third.say(resumed({ received: 5, sent: 1 }));
    await stage.clock.settle();
    expect(third.frames()).toEqual(["%A"]);
  });

  test("takes no frame twice that the older socket brought after the offer", async () => {
    const stage = createStage();
    const heard: unknown[] = [];
    stage.client.a.onmessage((body) => void heard.push(body));
    const first = await stage.opened({ resume: "t1" });
    first.say("A1");
    // It opens another socket beside: the first is to be closed.
    first.say('${"draining":0}');
    await stage.clock.advance(0);
    expect(offer(stage)).toBe("prism.resume.t1.1");
    first.say("A2", "A3");
    await stage.clock.settle();
    const second = stage.end();
    second.say(resumed({ sent: 1 }), "A2", "A3", "A4");
    first.say("A2");
    await stage.clock.settle();
    second.say("A5");
    await stage.clock.settle();
    expect(heard).toEqual([1, 2, 3, 4, 5]);
    expect(second.frames()).toEqual(["%C"]);
    expect(first.closings).toEqual([{ code: 4001, reason: "" }]);
  });

  test("begins anew where it cannot be", async () => {
    const stage = createStage();
    let resets = 0;
    stage.client.a.onreset(() => void resets++);
    const first = await stage.opened({ resume: "t1" });
    first.say("A1");
    const call = watch(stage.client.a.call("go"));
    await stage.clock.settle();
    const second = await stage.next();
    const waits = watch(stage.client.a.call("waits"));
    expect(call).toEqual({});
    second.say(welcome({ resume: "u1" }));
    await stage.clock.settle();
    expect([call, waits]).toEqual([lost, {}]);
    expect(second.packets).toEqual(["%@", '?A@"waits"']);
    expect(stage.heard.slice(2)).toEqual(["status open", "reset", "open"]);
    expect(resets).toBe(1);
    await stage.next();
    expect(offer(stage)).toBe("prism.resume.u1.0");
  });

  test("forgets the token where a welcome gives none", async () => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const second = await stage.next();
    second.say(resumed({ resume: undefined }));
    await stage.clock.settle();
    const call = watch(stage.client.a.call("go"));
    await stage.next();
    expect(call).toEqual(lost);
    expect(stage.attempts.at(-1)!.protocols).toEqual(["prism.1"]);
  });
});

describe("a close code", () => {
  test.each([1002, 1007, 1009, 4002, 4004])("%d ends the connection", async (code) => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go"));
    await stage.clock.settle();
    await stage.next(code);
    expect(call).toEqual(lost);
    expect(stage.attempts[1]!.protocols).toEqual(["prism.1"]);
    await stage.opened({ resume: "t1" });
    expect(stage.client.connection.status).toBe("open");
  });

  test.each([1001, 1005, 1006, 1011, 1012, 3000, 4001, 4003, 4999])("%d keeps it", async (code) => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go"));
    await stage.clock.settle();
    await stage.next(code);
    expect(call).toEqual({});
    expect(offer(stage)).toBe("prism.resume.t1.0");
  });

  test.each([1000, 1008])("%d ends the client, which opens anew with nothing", async (code) => {
    const stage = createStage();
    await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go"));
    stage.end().socket.close(code);
    await stage.clock.settle();
    expect(call).toEqual({ error: expect.objectContaining({ code: "closed" }) });
    stage.client.connection.open();
    await stage.clock.settle();
    expect(stage.attempts.map(({ protocols }) => protocols)).toEqual([["prism.1"], ["prism.1"]]);
  });

  test("of the client itself, where nothing is heard or no welcome comes, keeps it", async () => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1", heartbeat: 1_000 });
    stage.answer = () => stage.accept("prism.1");
    await stage.clock.advance(12_000);
    expect(first.closings).toEqual([{ code: 4003, reason: "Heartbeat missed" }]);
    await stage.clock.advance(30_000);
    expect(stage.ends[1]!.closings).toEqual([{ code: 4003, reason: "No welcome" }]);
    expect(new Set(stage.attempts.slice(1).map(({ protocols }) => protocols[1]))).toEqual(
      new Set(["prism.resume.t1.0"]),
    );
  });
});

describe("a welcome that lies", () => {
  test.each([
    ["of more frames received than were sent", { received: 2 }],
    ["of fewer frames received than were acknowledged", { received: 0 }],
    ["of frames that did not come", { received: 1, sent: 2 }],
  ])("%s is answered with 4004, and another attempt", async (_, members) => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1" });
    const call = watch(stage.client.a.call("go"));
    await stage.clock.settle();
    first.say("%A", "A1");
    await stage.clock.settle();
    const second = await stage.next();
    second.say(resumed(members));
    await stage.clock.settle();
    expect(second.closings).toEqual([{ code: 4004, reason: expect.stringMatching(/range$/) }]);
    expect(call).toEqual(lost);
    await stage.clock.advance(1_000);
    expect(stage.attempts.at(-1)!.protocols).toEqual(["prism.1"]);
    await stage.opened({ resume: "u1" });
    expect(stage.client.connection.status).toBe("open");
  });

  test("of a connection that there is not, as well", async () => {
    const stage = createStage();
    await stage.clock.settle();
    stage.end().say(resumed());
    await stage.clock.settle();
    expect(stage.end().closings).toEqual([{ code: 4004, reason: "Resumed what there is not" }]);
    await stage.clock.advance(250);
    await stage.opened();
    expect(stage.client.connection.status).toBe("open");
  });

  test("and comes a second time, while another socket opens, leaves the client with that one", async () => {
    const stage = createStage();
    const first = await stage.opened({ resume: "t1" });
    first.say('${"draining":0}');
    await stage.clock.advance(0);
    first.say(welcome());
    await stage.clock.settle();
    expect(first.closings).toEqual([{ code: 4004, reason: "Second welcome" }]);
    await stage.opened({ resume: "u1" });
    await stage.clock.advance(1_000);
    expect([stage.attempts.length, stage.client.connection.status]).toEqual([2, "open"]);
    stage.client.connection.close();
    await stage.clock.settle();
    expect(stage.end().closings).toEqual([{ code: 1000, reason: "" }]);
    expect(stage.clock.timers).toBe(0);
  });
});
