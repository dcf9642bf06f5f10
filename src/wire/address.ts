/** The longest text of an IPv6 address (RFC 4291 section 2.2, with an IPv4 address at its end), in characters. */
const MAX_ADDRESS = 45;
/** What is kept of a text that is no address: enough to tell paths of sockets apart, and no way to fill memory. */
const MAX_OTHER = 64;

const HEX = /^[0-9a-f]{1,4}$/i;
const DECIMAL = /^(?:0|[1-9][0-9]{0,2})$/;

/**
 * What stands for a network address where clients are counted: one text for all addresses that one client can easily
 * have. An IPv4 address stands for itself, also where it comes as IPv6 (`::ffff:192.0.2.1`); of an IPv6 address the
 * first 64 bits count, since one host has all the rest (RFC 4291 section 2.5.1). A zone (`%eth0`) does not count.
 *
 * @param address an address as the runtime tells it
 * @returns `192.0.2.1` or `2001:db8:0:1::/64`; what is no address comes back as it is, cut to 64 characters
 */
export function toAddressKey(address: string): string {
  const zone = address.indexOf("%");
  const text = zone < 0 ? address : address.slice(0, zone);
  const groups = text.length <= MAX_ADDRESS && text.includes(":") ? toGroups(text) : undefined;
  if (groups === undefined) return address.slice(0, MAX_OTHER);
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    const [high, low] = [groups[6] ?? 0, groups[7] ?? 0];
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

/** The eight groups of an IPv6 address, if it is one. */
function toGroups(text: string): number[] | undefined {
  const [before = "", after, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const head = readGroups(before, after === undefined);
  if (after === undefined) return head?.length === 8 ? head : undefined;
  const tail = readGroups(after, true);
  if (head === undefined || tail === undefined) return undefined;
  const gap = 8 - head.length - tail.length;
  return gap < 1 ? undefined : [...head, ...Array<number>(gap).fill(0), ...tail];
}

/** The groups on one side of `::`. At the end of the address the last two may be written as IPv4. */
function readGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (HEX.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const bytes = atEnd && at === parts.length - 1 ? readIPv4(part) : undefined;
      if (bytes === undefined) return undefined;
      groups.push(...bytes);
    }
  }
  return groups;
}

/** An IPv4 address as two groups. */
function readIPv4(text: string): [high: number, low: number] | undefined {
  const parts = text.split(".");
  // A zero in front would make it octal for some.
  if (parts.length !== 4 || !parts.every((part) => DECIMAL.test(part) && Number(part) <= 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
  return [(a << 8) | b, (c << 8) | d];
}
