// [cluster] in the text of config.toml: written anew, or its connection changed, with everything else byte for byte as it was. Pure.
//
// 1. No [cluster]: a block at the end, where a table of TOML has to stand. 2. With one: only the lines of url, user, password and
// ca are changed, added or taken out. 3. What came out is read again and must say what was wanted, and nothing else.
import { parseNodeConfig } from "../config/node.ts";
import { statementsOf } from "../config/toml-scan.ts";
import { EXIT, OffhookError } from "../errors.ts";

/** How Redis is reached, as [cluster] says it. `password`: a text like "${REDIS_PASSWORD}". */
export type Reach = { urls: string[]; user: string | null; password: string | null; ca: string | null };

const KEYS = ["url", "user", "password", "ca"] as const;
type Key = (typeof KEYS)[number];

/** config.toml with this [cluster]. Errors (78): the text is broken, or has its [cluster] in a form that is not edited here. */
export function withCluster(text: string, reach: Reach): string {
  const before = parseNodeConfig(text);
  if (before.cluster !== null && sameReach(before.cluster, reach)) return text;
  const after = before.cluster === null ? appended(text, reach) : edited(text, reach);
  if (!saysIt(text, after, reach))
    throw new OffhookError(
      EXIT.config,
      "config.toml: [cluster] is written in a way that is not changed by a program",
      `write below [cluster] yourself: ${linesOf(reach).join(", ")}`,
    );
  return after;
}

/** Whether both reach the same Redis in the same way. */
export function sameReach(one: Reach, other: Reach): boolean {
  const { urls, user, password, ca } = one;
  return Bun.deepEquals({ urls, user, password, ca }, other);
}

function saysIt(before: string, after: string, reach: Reach): boolean {
  try {
    const { cluster: old, ...rest } = parseNodeConfig(before);
    const { cluster, ...same } = parseNodeConfig(after);
    if (cluster === null || !sameReach(cluster, reach) || !Bun.deepEquals(rest, same)) return false;
    return old === null || Bun.deepEquals({ ...old, ...reach }, cluster);
  } catch (error) {
    if (error instanceof OffhookError) return false;
    throw error;
  }
}

/** The lines of the table's connection, in their order. */
function linesOf(reach: Reach): string[] {
  return KEYS.flatMap((key) => {
    const value = writtenValue(key, reach);
    return value === null ? [] : [`${key} = ${value}`];
  });
}

function writtenValue(key: Key, { urls, user, password, ca }: Reach): string | null {
  const [first, second] = urls;
  const value = { url: second === undefined ? first : urls, user, password, ca }[key] ?? null;
  if (Array.isArray(value)) return `[${value.map((one) => JSON.stringify(one)).join(", ")}]`;
  return value === null ? null : JSON.stringify(value);
}

function appended(text: string, reach: Reach): string {
  const newline = newlineOf(text);
  const end = text === "" || text.endsWith("\n") ? "" : newline;
  return `${text}${end}${newline}${["[cluster]", ...linesOf(reach)].join(newline)}${newline}`;
}

function edited(text: string, reach: Reach): string {
  const newline = newlineOf(text);
  const statements = statementsOf(text);
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  const header = statements.find(({ path, line }) => isOnly(path, "cluster") && /^\s*\[/.test(lines[line - 1] ?? ""));
  if (header === undefined) return text;
  const changed: (string | null)[] = [...lines];
  let place = header.line - 1;
  const added: string[] = [];
  for (const key of KEYS) {
    const value = writtenValue(key, reach);
    const statement = statements.find(({ path }) => isOnly(path, "cluster", key));
    if (statement === undefined) {
      if (value !== null) added.push(`${key} = ${value}`);
      continue;
    }
    const first = statement.line - 1;
    const last = lastLineOf(lines, first);
    for (let at = first; at <= last; at++) changed[at] = null;
    if (value !== null)
      changed[first] = `${lines[first]?.match(/^[^=]*=\s*/)?.[0]}${value}${commentOf(lines[last] ?? "")}`;
    if (key === "url") place = first;
  }
  const kept = changed.flatMap((line, at) => {
    const here = line === null ? [] : [line];
    return at === place ? [...here, ...added] : here;
  });
  return kept.join(newline);
}

function isOnly(path: readonly string[], ...wanted: string[]): boolean {
  return Bun.deepEquals(path, wanted);
}

/** The index of the last line of the statement that begins with a line: the first at which it is whole. */
function lastLineOf(lines: readonly string[], first: number): number {
  for (let last = first; last < lines.length; last++) {
    try {
      Bun.TOML.parse(lines.slice(first, last + 1).join("\n"));
      return last;
    } catch {
      // Not whole yet.
    }
  }
  return first;
}

function commentOf(line: string): string {
  return /^(?:[^"'#]|"(?:[^"\\]|\\.)*"|'[^']*')*?(\s*#.*)$/.exec(line)?.[1] ?? "";
}

function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
