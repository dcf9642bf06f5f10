// Clients that break every rule, against real servers: each row of them that can be told apart, in the order of the rows.
// Neither the server nor anybody else takes notice. What a platform does by itself is a row of `platforms.ts`, so that a
// change there is noticed.
import { afterAll, beforeAll, describe, test } from "vitest";
import { runtimeNames } from "../support/runtimes.ts";
import { row05 } from "./row-05.ts";
import { row18 } from "./row-18.ts";
import { row19 } from "./row-19.ts";
import { row11, row12, row13 } from "./rows-11-13.ts";
import { row14, row16 } from "./rows-14-16.ts";
import { row26 } from "./row-26.ts";
import { row21, row22 } from "./rows-21-22.ts";
import { row23 } from "./row-23.ts";
import { row24, row25 } from "./rows-24-25.ts";
import { Stage } from "./stage.ts";

describe.each(runtimeNames)("%s", (name) => {
  const stage = new Stage(name);
  beforeAll(() => stage.start(), 30_000);
  afterAll(() => stage.stop());

  row05(stage);
  row11(stage);
  row12(stage);
  row13(stage);
  row14(stage);
  row16(stage);
  row18(stage);
  row19(stage);
  row21(stage);
  row22(stage);
  row23(stage);
  row24(stage);
  row25(stage);
  row26(stage);
  test("a bystander was served all the while", () => stage.expectServedAllTheWhile());
});
