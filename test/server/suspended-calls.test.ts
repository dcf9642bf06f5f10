import { describe, expect, test } from "vitest";
import { prism, type PrismError } from "../../mod.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createOpen, createStage } from "./raw.ts";
import { createHearing, lose, visit, visitAgain, watch } from "./returning.ts";

expectNoUnhandledRejections();

const lost = expect.objectContaining({ name: "PrismError", code: "lost" }) as PrismError;

/** An app whose calls are answered when the test says so. */
function createAnswering() {
  const answers: (() => void)[] = [];
  const signals: AbortSignal[] = [];
  const stage = createStage({ limits: { heartbeat: 100_000_000 } });
  const { service } = createOpen((host) =>
    host.oncall((body, { signal }) => {
      signals.push(signal);
      return new Promise((resolve) => answers.push(() => resolve(body)));
    }),
  );
  const app = prism(stage.options).service("it", service);
  const { clock } = stage;
  return {
    clock,
    answers,
    signals,
    again: (token: string, received: number) => visitAgain(app, clock, token, received),
    join: async () => {
      const visited = await visit(app, clock);
      await visited.peer.say("%@");
      return visited;
    },
  };
}

describe("calls of a connection without a socket", () => {
  test("go on meanwhile, and are answered after the resume", async () => {
    const { join, again, clock, answers, signals } = createAnswering();
    const first = await join();
    await first.peer.say('?@@"x"', '?@A"y"');
    answers[0]!();
    await lose(first);
    answers[1]!();
    await clock.advance(50_000);
    const second = await again(first.token, 0);
    expect(second.frames).toEqual(['=@"x"', '=A"y"']);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  test("are cancelled at the end", async () => {
    const { join, clock, signals } = createAnswering();
    const first = await join();
    await first.peer.say('?@@"x"');
    await lose(first);
    expect(signals[0]!.aborted).toBe(false);
    await clock.advance(120_000);
    expect(signals[0]!.aborted).toBe(true);
  });

  test("and messages that middleware holds arrive meanwhile", async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { join, again, app, heard } = createHearing();
    app.use((inbound, next) => gate.then(() => next(inbound)));
    const first = await join();
    await first.peer.say('?@@"x"', "@1");
    await lose(first);
    open();
    expect((await again(first.token, 0)).frames).toEqual(['=@"x"']);
    expect(heard).toEqual(["connect", "suspend", 1, "resume"]);
  });

  test("to the client wait for its next socket, and time out as ever", async () => {
    const { join, again, host, handles, clock } = createHearing();
    const first = await join();
    await lose(first);
    const [quick, slow] = [watch(host.call(handles[0]!, 1, { timeout: 100 })), watch(host.call(handles[0]!, 2))];
    await clock.advance(200);
    expect([quick, slow]).toEqual([{ error: expect.objectContaining({ code: "timeout" }) }, {}]);
    const second = await again(first.token, 0);
    expect(second.frames).toEqual(["?@@1", "?@A2", "#@"]);
    await second.peer.say('!@{"code":"cancelled"}', "=A7");
    expect(slow).toEqual({ value: 7 });
  });

  test("to the client do not overflow what may be kept: they could wait", async () => {
    const { join, again, host, handles, heard } = createHearing({ replayFrames: 4 });
    const first = await join();
    await lose(first);
    const calls = Array.from({ length: 10 }, (_, at) => watch(host.call(handles[0]!, at)));
    expect(heard).toEqual(["connect", "suspend"]);
    const second = await again(first.token, 0);
    expect(second.frames).toHaveLength(4);
    const rest = await second.peer.say("%D");
    expect(rest).toHaveLength(4);
    expect(await second.peer.say("%H")).toHaveLength(2);
    expect(calls.every((call) => Object.keys(call).length === 0)).toBe(true);
  });

  test("to the client fail with lost when it ends, and when it has ended", async () => {
    const { join, host, handles, clock } = createHearing();
    const first = await join();
    const call = watch(host.call(handles[0]!, 1, { timeout: 200_000 }));
    await lose(first);
    expect(call).toEqual({});
    await clock.advance(120_000);
    expect(call).toEqual({ error: lost });
    await expect(host.call(handles[0]!, 1)).rejects.toEqual(lost);
  });
});
