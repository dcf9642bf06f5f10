import { calling, callingLate, type Caller, createCaller, settle, writeCalls } from "./calls.ts";
import { type Group, must, TOGETHER } from "./step.ts";

async function login(caller: Caller): Promise<Caller> {
  caller.line.receive(writeCalls("login", 1));
  await settle(caller, 1);
  caller.line.acknowledge();
  caller.line.receive(writeCalls("whoami", 1));
  await settle(caller, 2);
  must(String(caller.line.last).includes("Ada"), `Nobody was logged in: ${String(caller.line.last)}`);
  caller.line.acknowledge();
  return caller;
}

/** Calls that look at their session. */
export const sessions: Group = {
  name: "sessions, a call that reads its session",
  async prepare() {
    const packet = writeCalls("whoami", TOGETHER);
    const secret = "for benches alone, and for nothing else";
    return [
      calling("no sessions", await createCaller({ session: false }), packet),
      calling("from the cache", await login(await createCaller({ session: { secret } })), packet),
      callingLate("from the store", await login(await createCaller({ session: { secret, cache: false } })), packet),
    ];
  },
};
