// What the agent writes when the user's own hooks are measured: a file like those of the project, and the payloads about it.
import { readFileSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { WRITTEN } from "../measure/sync-hook.ts";
import type { ProjectCopy } from "./project-copy.ts";

/** A file that the agent writes: in a directory of the copy, of a kind that the project has most of. */
export type Sample = { directory: string; extension: string; content: string };

/** What a payload is about: `cwd` and `home` of the session. */
export type Writing = { file: string; content: string; cwd: string; home: string };

/**
 * The payload of a Write that has just made a file, before or after. `recorded` is JSON lines with a PostToolUse of a Write in them; that
 * of a PreToolUse has the same fields but the answer's (Claude Code 2.1.329). Throws when there is none.
 */
export function payloadOf(recorded: string, event: string, { file, content, cwd, home }: Writing): string {
  const pattern = recorded
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .find((payload) => payload.hook_event_name === "PostToolUse" && payload.tool_name === "Write");
  if (pattern === undefined) throw new Error("no PostToolUse of a Write among the recorded payloads");
  const { tool_response, duration_ms, ...before } = pattern;
  const about = {
    ...before,
    hook_event_name: event,
    cwd,
    transcript_path: join(home, "transcript.jsonl"),
    tool_input: { ...pattern.tool_input, file_path: file, content },
  };
  if (event === "PreToolUse") return JSON.stringify(about);
  const made = { type: "create", filePath: file, content, structuredPatch: [], originalFile: null };
  return JSON.stringify({ ...about, tool_response: { ...tool_response, ...made }, duration_ms });
}

const CODE =
  /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|swift|c|cc|cpp|h|hpp|cs|php|sh|lua|dart|ex|exs|scala|vue|svelte|tf|sql|css)$/;
const LIKED_BYTES = 2_000;
const MOST_BYTES = 64 * 1024;

/** The file that is written: beside, and like, one of the middling files of the kind that the project has most of. */
export function sampleOf({ path, files }: ProjectCopy): Sample {
  const byKind = Map.groupBy(
    files.filter((file) => CODE.test(file)),
    (file) => extname(file),
  );
  const most = [...byKind.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
  const sizes = most.map((file) => ({ file, sizeBytes: statSync(join(path, file)).size }));
  const distance = ({ sizeBytes }: { sizeBytes: number }) => Math.abs(sizeBytes - LIKED_BYTES);
  const [found] = sizes
    .filter(({ sizeBytes }) => sizeBytes <= MOST_BYTES)
    .toSorted((a, b) => distance(a) - distance(b));
  if (found === undefined) return { directory: path, extension: ".py", content: WRITTEN };
  return {
    directory: join(path, dirname(found.file)),
    extension: extname(found.file),
    content: readFileSync(join(path, found.file), "utf8"),
  };
}
