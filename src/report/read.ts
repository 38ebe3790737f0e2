// A report from a file, as `offhook bench --json` wrote it: checked whole, and what is wrong said with its place.
import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import * as v from "valibot";
import { EXIT, OffhookError } from "../errors.ts";
import { Report } from "./shape.ts";

const HINT = "offhook bench --json > report.json makes one";
const VERSION = 1;

/** Reads a report; `path` only names it. Errors (78): no JSON, no report, of a newer offhook, a key that is missing or wrong. */
export function readReport(text: string, path: string): Report {
  const fail = (what: string, hint = HINT) => new OffhookError(EXIT.config, `${path}: ${what}`, hint);
  // A byte order mark: editors on Windows write one.
  const value = parsed(text.replace(/^\ufeff/, ""), fail);
  if (typeof value !== "object" || value === null || !("what" in value)) throw fail("is not a report of offhook bench");
  if (value.what === "offhook bench --compare") throw fail("is a comparison of two reports, not a report");
  if (value.what !== "offhook bench") throw fail("is not a report of offhook bench");
  if ("v" in value && typeof value.v === "number" && value.v > VERSION)
    throw fail(
      `is a report of a newer offhook: its shape is ${value.v}, this offhook reads ${VERSION}`,
      "install that offhook here too, or make the report again with this one",
    );
  const checked = v.safeParse(Report, value);
  if (!checked.success) throw fail(issueText(checked.issues[0]));
  const odd = oddTimes(checked.output, "");
  if (odd !== null) throw fail(odd);
  return checked.output;
}

/** JSON.parse is strict and quick, and in this runtime says no place; jsonc-parser knows it. */
function parsed(text: string, fail: (what: string) => OffhookError): unknown {
  if (text.trim() === "") throw fail("is empty");
  try {
    return JSON.parse(text);
  } catch {
    const first = firstErrorOf(text);
    if (first === undefined) throw fail("is not JSON");
    const before = text.slice(0, first.offset).split(/\r\n|\r|\n/);
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    // "CloseBraceExpected" -> "close brace expected".
    const words = printParseErrorCode(first.error).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    throw fail(`is not JSON: ${place}:${words}`);
  }
}

/** Undefined where there is no place to tell. */
function firstErrorOf(text: string): ParseError | undefined {
  const errors: ParseError[] = [];
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // Brackets deeper than the stack.
  }
  return errors[0];
}

/** "hook.lanes[1].times.p50Ms is "fast": Invalid type: Expected number but received "fast"". */
function issueText(issue: v.BaseIssue<unknown>): string {
  const key = (issue.path ?? []).map((item) =>
    typeof item.key === "number" ? `[${item.key}]` : `.${String(item.key)}`,
  );
  const name = key.join("").replace(/^\./, "");
  if (issue.input === undefined) return `${name} is missing`;
  return `${name}: ${issue.message}`;
}

/** Runs that are none, or not as many as is said: every figure is made of them. Null: all is well. */
function oddTimes(value: unknown, path: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  if ("timesMs" in value && Array.isArray(value.timesMs) && "runs" in value) {
    if (value.timesMs.length === 0) return `${path}.timesMs holds no run`;
    if (value.timesMs.length !== value.runs)
      return `${path}.runs is ${value.runs}, and timesMs holds ${value.timesMs.length}`;
    return null;
  }
  if ("turns" in value && Array.isArray(value.turns) && value.turns.length === 0) return `${path}.turns holds no turn`;
  for (const [key, inner] of Object.entries(value)) {
    const place = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    const odd = oddTimes(inner, place);
    if (odd !== null) return odd;
  }
  return null;
}
