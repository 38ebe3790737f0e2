// What of a payload alerts need: names, places, states, exit codes, sizes. Contents (what was written, run, said, answered) are
// left out. Pure. A list of what stays, after the payloads of Claude Code 2.1.329: what it does not know does not leave.
import { skipSpace, stringEnd } from "./json.ts";

type Kept = ReadonlySet<string>;

const words = (text: string): Kept => new Set(text.split(/\s+/));

const TOP = words(
  `session_id transcript_path cwd prompt_id permission_mode hook_event_name tool_name tool_use_id duration_ms agent_id agent_type
  agent_transcript_path source reason message title notification_type trigger stop_hook_active is_interrupt model task_id
  task_subject old_cwd new_cwd file_path event worktree_path name teammate_name team_name memory_type load_reason
  mcp_server_name config_source consumer deliveryId key attempts what deliveries path forMs node`,
);
/** Objects of which some members stay. */
const INSIDE: Readonly<Record<string, Kept>> = {
  effort: words("level"),
  event: words("id type"),
  tool_input: words(
    `file_path notebook_path filePath path cell_id cell_type edit_mode replace_all subagent_type taskId task_id status offset limit
    timeout run_in_background isolation model`,
  ),
  tool_response: words(
    `type filePath file_path notebook_path cell_id cell_type language edit_mode exit_code exitCode code returnCode status success
    interrupted isImage isAsync is_error userModified replaceAll truncated agentId taskId task_id resolvedModel durationMs
    duration_ms totalDurationMs totalTokens totalToolUseCount numFiles numLines numMatches startLine totalLines bytes size`,
  ),
};
/** How Claude Code's error of a command begins; output follows. */
const EXIT_CODE = /^Exit code -?\d+/;

/** The payload without contents; "{}" where it is no object. Numbers stay as they were written. The text must be valid JSON. */
export function leanPayload(json: string): string {
  const members = membersOf(json, 0);
  if (members === null) return "{}";
  const kept: string[] = [];
  for (const { key, start, end } of members) {
    const value = json.slice(start, end);
    const inside = Object.hasOwn(INSIDE, key) ? INSIDE[key] : undefined;
    if (inside !== undefined && value.startsWith("{"))
      kept.push(`${JSON.stringify(key)}:${plainMembers(json, start, inside)}`);
    else if (TOP.has(key) && isPlain(value)) kept.push(`${JSON.stringify(key)}:${value}`);
    else if (key === "error" && value.startsWith('"')) {
      const code = EXIT_CODE.exec(JSON.parse(value) as string);
      if (code !== null) kept.push(`"error":${JSON.stringify(code[0])}`);
    }
  }
  return `{${kept.join(",")}}`;
}

function plainMembers(json: string, at: number, wanted: Kept): string {
  const members = (membersOf(json, at) ?? []).filter(
    ({ key, start, end }) => wanted.has(key) && isPlain(json.slice(start, end)),
  );
  return `{${members.map(({ key, start, end }) => `${JSON.stringify(key)}:${json.slice(start, end)}`).join(",")}}`;
}

function isPlain(value: string): boolean {
  return !/^[[{]/.test(value);
}

type Member = { key: string; start: number; end: number };

/** The members of the object that begins here, with the place of each value; null: there is no object. */
function membersOf(json: string, from: number): Member[] | null {
  let at = skipSpace(json, from);
  if (json.charAt(at) !== "{") return null;
  const members: Member[] = [];
  for (at = skipSpace(json, at + 1); json.charAt(at) === '"'; ) {
    const keyEnd = stringEnd(json, at);
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = valueEnd(json, start);
    members.push({ key: JSON.parse(json.slice(at, keyEnd)) as string, start, end });
    at = skipSpace(json, end);
    if (json.charAt(at) === ",") at = skipSpace(json, at + 1);
  }
  return members;
}

const MARK = /["{}[\]]/g;
const WORD_END = /[^\s,}\]]*/y;

function valueEnd(json: string, start: number): number {
  const first = json.charAt(start);
  if (first === '"') return stringEnd(json, start);
  if (first !== "{" && first !== "[") {
    WORD_END.lastIndex = start;
    WORD_END.test(json);
    return WORD_END.lastIndex;
  }
  let depth = 0;
  MARK.lastIndex = start;
  for (let found = MARK.exec(json); found !== null; found = MARK.exec(json)) {
    if (found[0] === '"') MARK.lastIndex = stringEnd(json, found.index);
    else depth += found[0] === "{" || found[0] === "[" ? 1 : -1;
    if (depth === 0) return MARK.lastIndex;
  }
  return json.length;
}
