// How the page writes numbers, and where each comes from: every figure that is shown names its place in the report, so that
// both can be compared. Pure.
import { html, type Markup } from "./markup.ts";
import type { Interval } from "./shape.ts";

/** Two or three digits, thousands with commas: 0.00025, 0.085, 0.81, 8.12, 81.2, 812, 8,120. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.0095) return signed(value.toLocaleString("en-US", { maximumSignificantDigits: 2 }));
  const digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.0995 ? 2 : 3;
  return decimals(value, size === 0 ? 0 : digits);
}

/** A figure that was chosen, or a rough one: at most two digits behind the point, and none that says nothing: 10, 0.41. */
export function plainText(value: number): string {
  return signed(value.toLocaleString("en-US", { maximumFractionDigits: Math.abs(value) >= 9.995 ? 1 : 2 }));
}

function decimals(value: number, digits: number): string {
  return signed(value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}

/** With a minus as wide as a plus. */
function signed(text: string): string {
  return text.replace("-", "−");
}

/** A round figure on an axis: 0.5, 20, 1,000, 100k, 2M. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trimmed(value / 1e6)}M`;
  if (size >= 1e4) return `${trimmed(value / 1e3)}k`;
  return trimmed(value);
}

function trimmed(value: number): string {
  return signed(value.toLocaleString("en-US", { maximumFractionDigits: 6 }));
}

type Writing = { text?: (value: number) => string; times?: number };

/** A figure of the report at `path` ("hook.lanes.0.times.p50Ms"), or what is `times` as much (100 for a share in percent). */
export function figure(path: string, value: number | null, { text = numberText, times = 1 }: Writing = {}): Markup {
  if (value === null) return html`<span class="none">not told</span>`;
  const factor = times === 1 ? null : html` data-times="${times}"`;
  return html`<span class="figure" data-figure="${path}"${factor}>${text(value * times)}</span>`;
}

/** Where a figure lies in 95 of 100 resamplings: "1,310 (1,290 to 1,330)". */
export function intervalFigure(path: string, { value, low, high }: Interval, sign: "" | "+" = ""): Markup {
  const text = (figure: number) => (figure > 0 ? sign : "") + numberText(figure);
  const write = (end: string, figureOf: number) => figure(`${path}.${end}`, figureOf, { text });
  if (low === value && high === value) return write("value", value);
  return html`${write("value", value)} <span class="range">(${write("low", low)} to ${write("high", high)})</span>`;
}
