// One figure of offhook beside another of the same run, what it may be, and whether it is. Pure.
//
// Limits are relations, as those of publish (checks.ts). What a limit allows beyond an even result is multiplied by SLACK, except
// where no noise of the machine is in the figure.
import { SLACK, type Verdict } from "./checks.ts";

/**
 * What `measured` may be beside `base`. share: a rate of at least so much of the other rate. times: at most so many times the
 * other; `even` is what it would be if nothing came on top. more: at most so much above the other, without slack.
 */
export type Aim =
  | { kind: "share"; least: number }
  | { kind: "times"; even: number; most: number }
  | { kind: "more"; most: number };

export type Unit = "/s" | "ms" | "MiB";

/** `measured` is null where the machine does not tell it. */
export type Comparison = { figure: string; base: number; measured: number | null; unit: Unit; aim: Aim };

export type PartName = "deliveries" | "fanout" | "memory" | "large" | "cluster";

/** What one part of the benchmark measured: a table with a row for each comparison. */
export type Compared = {
  name: PartName;
  title: string;
  baseName: string;
  measuredName: string;
  rows: readonly Comparison[];
};

/** `measured` in its relation to `base`: a ratio, or for `more` the difference in its unit. NaN where it is not known. */
export function relationOf({ base, measured, aim }: Comparison): number {
  if (measured === null) return Number.NaN;
  return aim.kind === "more" ? measured - base : measured / base;
}

/** Whether the aim itself is met, without slack. */
export function isMet(row: Comparison): boolean {
  return aimRatio(row.aim, relationOf(row), 1) <= 1;
}

/** Judges one row. Skipped only where this machine does not tell the figure. */
export function judgeRow(part: Compared, row: Comparison): Verdict {
  const title = `${part.name}, ${row.figure}`;
  if (row.measured === null)
    return { state: "skipped", text: `${title}: not to be seen on this machine`, ratio: 0, tries: 1 };
  const relation = relationOf(row);
  const ratio = aimRatio(row.aim, relation, SLACK);
  // Not `ratio > 1`: NaN must not pass.
  const passed = ratio <= 1;
  const figures = `${part.measuredName} ${inUnit(row.measured, row.unit)}, ${part.baseName} ${inUnit(row.base, row.unit)}`;
  const allowed = inRelation(row, bound(row.aim, SLACK));
  const text = `${title}: ${inRelation(row, relation)} ${comparisonSign(row.aim, passed)} ${allowed} (${figures}; ${aimText(row)}${slackText(row.aim)})`;
  return { state: passed ? "passed" : "failed", text, ratio, tries: 1 };
}

/** How much of what is allowed is used up: above 1 is too much. */
function aimRatio(aim: Aim, relation: number, slack: number): number {
  return aim.kind === "share" ? bound(aim, slack) / relation : relation / bound(aim, slack);
}

/** The relation that is just allowed. */
function bound(aim: Aim, slack: number): number {
  switch (aim.kind) {
    case "share":
      // As time, like the others: what one takes longer than the other.
      return 1 / (1 + (1 / aim.least - 1) * slack);
    case "times":
      return aim.even + (aim.most - aim.even) * slack;
    case "more":
      return aim.most;
    default:
      return aim satisfies never;
  }
}

/** The aim in words: "at least 70 %". */
export function aimText(row: Comparison): string {
  const { aim } = row;
  return `${aim.kind === "share" ? "at least" : "at most"} ${inRelation(row, aim.kind === "share" ? aim.least : aim.most)}`;
}

function slackText(aim: Aim): string {
  return aim.kind === "more" ? "" : `, slack ${SLACK}`;
}

function comparisonSign(aim: Aim, passed: boolean): string {
  if (aim.kind === "share") return passed ? ">=" : "<";
  return passed ? "<=" : ">";
}

/** A relation as the row's aim has it: "82 %", "4.91 x", "+0.8 MiB". */
export function inRelation({ aim, unit }: Comparison, relation: number): string {
  switch (aim.kind) {
    case "share":
      return `${(relation * 100).toFixed(0)} %`;
    case "times":
      return `${relation.toFixed(2)} x`;
    case "more":
      return `${relation < 0 ? "" : "+"}${relation.toFixed(1)} ${unit}`;
    default:
      return aim satisfies never;
  }
}

/** A figure with its unit, as exact as it is worth: "412 /s", "6.13 ms", "1,204 ms", "61.2 MiB". */
export function inUnit(value: number, unit: Unit): string {
  const digits = unit === "/s" || value >= 1000 ? 0 : value >= 100 || unit === "MiB" ? 1 : 2;
  return `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}
