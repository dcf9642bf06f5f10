/**
 * A number as it is printed: whole and with thousands apart from 100 on, three digits below.
 *
 * @example format(1234.5) === "1,235"; format(0.81234) === "0.812"
 */
export function format(value: number): string {
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 10 });
}

/**
 * A number of few characters, for the chart.
 *
 * @example short(1_234_567) === "1.23 M"; short(93_400) === "93 k"
 */
export function short(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 10_000) return `${Math.round(value / 1e3)} k`;
  return format(value);
}
