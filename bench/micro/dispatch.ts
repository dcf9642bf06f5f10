import { calling, createCaller, writeCalls } from "./calls.ts";
import { type Group, TOGETHER } from "./step.ts";

/** Calls through the whole server, from the socket and back, with nothing behind the socket. */
export const dispatch: Group = {
  name: "dispatch, a call through the server",
  async prepare() {
    const options = { session: false, limits: { resumeWithin: 0 } } as const;
    const echo = writeCalls("echo", TOGETHER, (n) => `{"n":${n}}`);
    return [
      calling("without input", await createCaller({ session: false }), writeCalls("ping", TOGETHER)),
      calling("with a schema", await createCaller({ session: false }), echo),
      calling("with a schema, nothing kept to resume", await createCaller(options), echo),
    ];
  },
};
