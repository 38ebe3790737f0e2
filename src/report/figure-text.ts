// Figures for eyes: never without their unit, and no more digits than they are worth.
import type { Interval } from "./shape.ts";

/** A length of time: "62 µs", "0.62 ms", "6.4 ms", "412 ms", "2.1 s", "83.2 s", "12 min". */
export function msText(ms: number): string {
  if (!Number.isFinite(ms)) return "?";
  if (ms < 0) return `−${msText(-ms)}`;
  if (ms === 0) return "0 ms";
  if (ms < 0.0995) return `${digits(ms * 1000, ms < 0.00995 ? 1 : 0)} µs`;
  if (ms < 0.995) return `${digits(ms, 2)} ms`;
  if (ms < 99.95) return `${digits(ms, 1)} ms`;
  if (ms < 999.5) return `${digits(ms, 0)} ms`;
  const seconds = ms / 1000;
  if (seconds < 119.95) return `${digits(seconds, 1)} s`;
  return `${count(Math.round(seconds / 60))} min`;
}

/** How many times as much: "0.92 x", "5.25 x", "48.1 x", "207 x". */
export function timesText(ratio: number): string {
  return `${ratioDigits(ratio, ratio)} x`;
}

/** The bounds of a ratio, exact as the ratio: "46.9–49.5". */
export function boundsText({ value, low, high }: Interval): string {
  return `${ratioDigits(low, value)}–${ratioDigits(high, value)}`;
}

function ratioDigits(ratio: number, beside: number): string {
  if (!Number.isFinite(ratio)) return "?";
  return digits(ratio, beside < 9.995 ? 2 : beside < 99.95 ? 1 : 0);
}

/** A range in one unit: "0.4–0.7 ms", "291–330/s", "980 ms–1.2 s", "−0.1 to 0.2 ms". `text` writes one figure with its unit. */
export function rangeText(low: number, high: number, text: (value: number) => string): string {
  const [from, to] = [text(low), text(high)];
  if (from === to) return from;
  const [unit = ""] = from.match(/\D+$/) ?? [];
  const isSameUnit = unit === (to.match(/\D+$/) ?? [""])[0];
  return `${isSameUnit ? from.slice(0, from.length - unit.length) : from}${low < 0 ? " to " : "–"}${to}`;
}

/** A rate: "9.43/s", "312/s", "21,400/s". */
export function rateText(perSecond: number): string {
  return `${Number.isInteger(perSecond) ? count(perSecond) : numberText(perSecond)}/s`;
}

/** The same where there is room for words: "312 events/s". */
export function eventsText(perSecond: number): string {
  return rateText(perSecond).replace("/s", " events/s");
}

/** Memory: "61.2 MiB", "412 MiB". */
export function mibText(mib: number): string {
  return `${numberText(mib)} MiB`;
}

/** The size of a payload, roughly as people say it: "997" is "1 KB", "5000011" is "5 MB". */
export function sizeText(bytes: number): string {
  if (bytes < 950) return `${count(bytes)} B`;
  const [value, unit] = bytes < 950_000 ? [bytes / 1000, "KB"] : [bytes / 1_000_000, "MB"];
  return `${value >= 99.5 ? count(Math.round(value)) : Number(value.toPrecision(2))} ${unit}`;
}

/** A share: "62 %", "0.4 %". */
export function shareText(share: number): string {
  const percent = share * 100;
  return `${digits(percent, percent > 0 && percent < 0.95 ? 1 : 0)} %`;
}

/** A whole number: "21,400". */
export function count(number: number): string {
  return number.toLocaleString("en");
}

/** A number with its noun: "1 event", "1,000 events". */
export function countOf(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Three digits: "0.052", "9.43", "61.2", "21,412". */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return "?";
  if (Math.abs(value) >= 99.95) return count(Math.round(value));
  return digits(value, Math.abs(value) >= 9.995 || value === 0 ? 1 : 2);
}

function digits(value: number, after: number): string {
  return value.toLocaleString("en", { minimumFractionDigits: after, maximumFractionDigits: after });
}
