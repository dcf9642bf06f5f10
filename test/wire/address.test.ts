import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toAddressKey } from "../../src/wire/address.ts";

describe("toAddressKey", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
    ["0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255"],
    ["::ffff:192.0.2.1%eth0", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8::1", "2001:db8:0:0::/64"],
    ["2001:0db8:0000:0000:ffff::", "2001:db8:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::", "2001:db8:1:3::/64"],
    ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
    ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["::192.0.2.1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["fe80::1%", "fe80:0:0:0::/64"],
    [`fe80::1%${"e".repeat(1000)}`, "fe80:0:0:0::/64"],
  ])("%s is %s", (address, key) => {
    expect(toAddressKey(address)).toBe(key);
  });

  test.each([
    "",
    "unix",
    "/run/app.sock",
    ":",
    ":::",
    "::1::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1:2:3:4::5:6:7:8",
    ":1:2:3:4:5:6:7",
    "12345::",
    "g::",
    "::ffff:192.0.2",
    "::ffff:192.0.2.256",
    "::ffff:192.0.02.1",
    "::192.0.2.1:1",
    "192.0.2.1::",
    "[::1]",
    "192.0.2.1:80",
    "eth0%::1",
    "Unknown",
  ])("leaves %j as it is", (text) => {
    expect(toAddressKey(text)).toBe(text);
  });

  test("cuts what is no address", () => {
    expect(toAddressKey("x".repeat(1000))).toBe("x".repeat(64));
    expect(toAddressKey(":".repeat(1_000_000))).toBe(":".repeat(64));
    expect(toAddressKey(`${"0".repeat(1000)}::`)).toHaveLength(64);
  });

  test("reads every address that Node does, and no other", () => {
    const near = fc
      .array(fc.constantFrom(":", "::", "0", "1", "ffff", "Ab", "192.0.2.1", ".", "g", "00000"), { maxLength: 16 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), near), (text) => {
        expect(toAddressKey(text) !== text.slice(0, 64)).toBe(isIP(text) === 6);
      }),
      { numRuns: 2000 },
    );
  });

  test("is one for all ways to write an address, and for its network", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (address, other) => {
        // The URL standard writes each address in one way only.
        const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
        expect(toAddressKey(canonical)).toBe(toAddressKey(address));
        expect(toAddressKey(address.toUpperCase())).toBe(toAddressKey(address));
        const network = toAddressKey(address).replace(/::\/64$/, "");
        if (network.includes(".")) return;
        const host = toAddressKey(other).includes(".") ? "1:2:3:4" : toAddressKey(other).replace(/::\/64$/, "");
        const same = toAddressKey(`${network}:${host}`);
        if (!same.includes(".")) expect(same).toBe(toAddressKey(address));
      }),
    );
  });

  test("leaves IPv4 addresses as they are, and finds them in IPv6", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(toAddressKey(address)).toBe(address);
        expect(toAddressKey(`::ffff:${address}`)).toBe(address);
      }),
    );
  });
});
