import { expect, test } from "vitest";
import { utf8Length } from "../../src/wire/utf8.ts";

// Long texts are measured in pieces, none of which may end within a surrogate pair.
test.each(["a", "é", "€", "😀", "\ud83d", "\ude00", "\ude00\ud83d"])("measures long texts of %j", (part) => {
  for (let before = 0; before < 3; before++) {
    for (let parts = 500; parts < 1_100; parts++) {
      const text = "x".repeat(before) + part.repeat(parts);
      expect(utf8Length(text), `${before} and ${parts}`).toBe(new TextEncoder().encode(text).length);
    }
  }
});
