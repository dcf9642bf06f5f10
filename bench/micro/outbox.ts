import { Ids } from "../../src/services/pubsub/ids.ts";
import { ServerOutbox } from "../../src/connection/server-outbox.ts";
import { defaultLimits } from "../../src/wire/limits.ts";
import { MAX_NUMBER } from "../../src/wire/numbers.ts";
import { type Group, must, type Step, TOGETHER } from "./step.ts";

const frames = Array.from({ length: TOGETHER }, (_, id) => `=@{"n":${id}}`);
const size = frames.reduce((sum, { length }) => sum + length, 0);

function sending(name: string, keeps: boolean, push: (outbox: ServerOutbox) => boolean): Step {
  const outbox = new ServerOutbox(defaultLimits, true);
  outbox.keeps = keeps;
  return {
    name,
    operations: TOGETHER,
    run() {
      must(push(outbox), "There was no room");
      must(outbox.take().length === TOGETHER, "Not all were sent");
      if (keeps) outbox.acknowledge(outbox.sent & MAX_NUMBER);
    },
  };
}

function pushEach(outbox: ServerOutbox): boolean {
  let pushed = true;
  for (let i = 0; i < TOGETHER; i++) pushed &&= outbox.offer(frames[i]!, true);
  return pushed;
}

/** What is sent: pushed during a turn, taken when it is over, kept until it is acknowledged. */
export const outbox: Group = {
  name: "outbox, a frame",
  async prepare() {
    const ids = new Ids();
    for (let i = 0; i < 100; i++) ids.take();
    return [
      sending("push and flush", false, pushEach),
      sending("push, flush, keep, acknowledge", true, pushEach),
      sending("the same for a list that many are sent", true, (one) => one.offerAll(frames, size, true)),
      {
        name: "take and free a call's id",
        operations: 1,
        run: () => ids.free(ids.take()),
      },
    ];
  },
};
