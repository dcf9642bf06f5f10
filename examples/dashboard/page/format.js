/** Numbers as people read them. */

/** Three significant digits at most, and never an exponent. */
function short(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export const percent = (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`;

/** Bytes in binary units, as memory is sold. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value.toFixed(0) : short(value)} ${units[unit]}`;
}

/** Bytes per second in decimal units, as networks are sold. */
export function rate(value) {
  const units = ["B/s", "kB/s", "MB/s", "GB/s"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value.toFixed(0) : short(value)} ${units[unit]}`;
}

/** A round value for an axis: without the zeros that hold a changing number's width. */
export const plain = (text) => text.replace(/^[\d.]+/, (number) => String(Number(number)));

export function milliseconds(value) {
  return value < 1000 ? `${short(value)} ms` : `${short(value / 1000)} s`;
}

export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minuteFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
export const clock = (at) => clockFormat.format(at);
export const minute = (at) => minuteFormat.format(at);
