// The schema's verdict on a table, in words: the key, its value, what it must be.
import * as v from "valibot";
import type { Finding } from "./finding.ts";
import type { TomlTable } from "./toml.ts";

/** What to write for a key that must be there and is not. */
const EXAMPLES: Readonly<Record<string, string>> = {
  on: 'on = ["PostToolUse"]',
  "debounce.quiet": 'quiet = "1s"',
  "webhook.url": 'url = "${SLACK_URL}"',
  name: 'name = "my-laptop"',
  "cluster.url": 'url = "rediss://redis.example:6379"',
};

/** Checks a table. Findings about a key that is refused already are left out; output is null when the table is not well. */
export function check<T>(
  schema: v.GenericSchema<unknown, T>,
  table: TomlTable,
  refused: readonly Finding[],
): { output: T | null; findings: Finding[] } {
  const parsed = v.safeParse(schema, table);
  if (parsed.success) return { output: parsed.output, findings: [] };
  const isRefused = (path: readonly PropertyKey[]) =>
    refused.some((found) => found.path.length === 1 && found.path[0] === path[0]);
  const findings = parsed.issues.map(findingOf).filter((found) => !isRefused(found.path));
  return { output: null, findings };
}

function findingOf(issue: v.BaseIssue<unknown>): Finding {
  const path = (issue.path ?? []).map((item) => item.key as PropertyKey);
  const name = nameOf(path);
  if (issue.input === undefined) {
    const example = Object.hasOwn(EXAMPLES, name) ? `; write for instance ${EXAMPLES[name]}` : "";
    return { path, text: `${name} is missing${example}` };
  }
  const value = maySecret(path) ? "" : valueText(issue.input);
  return { path, text: `${name}${value === "" ? "" : ` = ${value}`} ${issue.message}` };
}

/** An address, a header or a body may be a secret that was written out: it is not shown. */
function maySecret([key, inner]: readonly PropertyKey[]): boolean {
  if (key === "cluster") return inner === "url" || inner === "password";
  return key === "webhook" && inner !== "method" && inner !== "preset";
}

function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key + 1}]` : `${index > 0 ? "." : ""}${String(key)}`))
    .join("");
}

function valueText(value: unknown): string {
  if (typeof value === "object") return "";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
