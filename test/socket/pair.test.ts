import { expect, test } from "vitest";
import { createSocketPair } from "../../src/socket/pair.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { describePair, listen } from "./contract.ts";

describePair("createSocketPair", createSocketPair);

test("takes one turn for each way, and no time", () => {
  const clock = new FakeClock();
  const [left, right] = createSocketPair(clock);
  const atLeft = listen(left);
  right.onmessage = (data) => right.send(data);
  left.send("echo");
  clock.turn();
  expect(atLeft).toEqual(["drain"]);
  clock.turn();
  expect(atLeft).toEqual(["drain", "echo"]);
  left.close(1000);
  clock.turn();
  expect(atLeft).toHaveLength(2);
  clock.turn();
  expect(atLeft.at(-1)).toEqual([1000, ""]);
  expect(clock.timersSet).toBe(0);
});
