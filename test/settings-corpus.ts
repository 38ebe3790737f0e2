// Texts of settings files as people have them: written by hand in test/fixtures/settings, and a table of contents, each in many
// styles. The facts (keys, commands that people hook in) are those of public settings; the texts are ours.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HOOK_EVENTS } from "../src/claude/hook-events.ts";

export type Sample = { name: string; text: string };

const FIXTURES = join(import.meta.dir, "fixtures", "settings");

/** The files written by hand. */
export function handWritten(): Sample[] {
  return readdirSync(FIXTURES)
    .sort()
    .map((name) => ({
      name,
      text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(readFileSync(join(FIXTURES, name))),
    }));
}

const command = (line: string, more: object = {}) => ({ type: "command", command: line, ...more });
const group = (matcher: string | null, ...hooks: object[]) => (matcher === null ? { hooks } : { matcher, hooks });

/** What such files hold, by what it is. */
const CONTENTS: Record<string, unknown> = {
  nothing: {},
  model: { model: "claude-opus-4-5", alwaysThinkingEnabled: true },
  permissions: {
    permissions: { allow: ["Bash(git diff:*)", "Edit", "mcp__github"], deny: ["Read(**/.env)"], defaultMode: "plan" },
    env: { HTTPS_PROXY: "http://10.0.0.7:3128", MAX_THINKING_TOKENS: "8000" },
  },
  formatter: {
    hooks: { PostToolUse: [group("Edit|Write", command("npx prettier --write \"$(jq -r '.tool_input.file_path')\""))] },
  },
  sound: {
    hooks: {
      Stop: [group(null, command("paplay /usr/share/sounds/freedesktop/stereo/complete.oga"))],
      Notification: [group("", command("notify-send 'Claude Code' 'waits for you'"))],
    },
    theme: "dark-daltonized",
  },
  guard: {
    permissions: { allow: [], deny: [] },
    hooks: {
      PreToolUse: [
        group("Bash", command("$CLAUDE_PROJECT_DIR/.claude/hooks/guard.sh", { timeout: 10 })),
        group("Read|Glob|Grep", command("python3 ~/.claude/hooks/no_secrets.py"), command("true")),
      ],
      PermissionRequest: [group("*", command("~/bin/ask"))],
    },
  },
  logger: {
    hooks: Object.fromEntries(HOOK_EVENTS.map(({ name }) => [name, [group(null, command("cat >> ~/events.jsonl"))]])),
  },
  emptyHooks: { hooks: {}, statusLine: { type: "command", command: "ccline" } },
  emptyEvents: { hooks: { PostToolUse: [], Stop: [group(null)] } },
  web: {
    hooks: { Stop: [group(null, { type: "http", url: "https://hooks.example.org/x", timeout: 3 })] },
    verbose: false,
  },
  plugins: { enabledPlugins: { "a@b": true }, extraKnownMarketplaces: {}, spinnerTipsEnabled: false },
  telling: { hooks: { PostToolUse: [group("mcp__.*", command("tee -a x | offhook publish --type my.event"))] } },
  foreignOffhook: { hooks: { Stop: [group(null, command("/opt/offhook/bin/notify"), command("offhook status"))] } },
  wrongCase: {
    hooks: { postToolUse: [group(null, command("x"))], stop: "x" },
    unknownKey: { deep: [[[[{ a: null }]]]] },
  },
  strange: { hooks: { Setup: "not a list", Elicitation: { a: 1 }, PreCompact: null }, "": "", hooks2: [] },
  malformed: { hooks: { PostToolUse: [{ matcher: { tools: ["Write"] }, hooks: "x" }, "text", null, 5, [], {}] } },
};

const OURS = "/home/u/.local/bin/offhook";

/** Contents in which something of ours stands already, as older forms wrote it or people did after a document. */
const OWN_CONTENTS: Record<string, unknown> = {
  shell: { hooks: { PostToolUse: [group("*", command(`${OURS} publish`, { timeout: 5000 }))], x: [] } },
  otherBinary: {
    hooks: { Stop: [group(null, command("/opt/homebrew/bin/offhook", { args: ["publish"], timeout: 5 }))] },
  },
  guarded: {
    hooks: { Stop: [group(null, command("command -v offhook >/dev/null 2>&1 || exit 0; exec offhook publish"))] },
    model: "opus",
  },
  beside: {
    hooks: { PostToolUse: [group("Bash", command("a"), command(`'${OURS}' publish`, { async: true }), command("b"))] },
  },
  twice: {
    hooks: {
      PostToolUse: [
        group("Write", command(OURS, { args: ["publish"] })),
        group("Edit", command(OURS, { args: ["publish"] }), command("c")),
      ],
    },
  },
  misplaced: {
    hooks: {
      PostToolUse: [command("offhook publish", { timeout: "10000" })],
      postToolUse: [group(null, command("offhook publish"))],
    },
  },
  everywhere: {
    hooks: Object.fromEntries(
      HOOK_EVENTS.map(({ name }) => [name, [group(null, command(`exec ${OURS} publish || true`))]]),
    ),
  },
  durable: {
    hooks: { Stop: [group("", command(OURS, { args: ["publish", "--durability", "process"], onFailure: "block" }))] },
  },
};

type Style = { name: string; written(value: unknown): string };

const json = (indent: string | number) => (value: unknown) => JSON.stringify(value, null, indent);
const crlf = (text: string) => text.replaceAll("\n", "\r\n");

const STYLES: Style[] = [
  { name: "two spaces", written: (value) => `${json(2)(value)}\n` },
  { name: "two spaces, no newline", written: json(2) },
  { name: "four spaces", written: (value) => `${json(4)(value)}\n` },
  { name: "tabs", written: (value) => `${json("\t")(value)}\n` },
  { name: "tabs, CRLF", written: (value) => `${crlf(json("\t")(value))}\r\n` },
  { name: "CRLF, byte order mark", written: (value) => `\uFEFF${crlf(json(2)(value))}\r\n` },
  { name: "compact", written: json(0) },
  { name: "compact, newline", written: (value) => `${json(0)(value)}\n` },
  { name: "one line, spaced", written: (value) => `${spaced(value)}\n` },
  { name: "top in lines", written: (value) => topInLines(value) },
  { name: "dense below", written: (value) => denseBelow(value) },
  { name: "hugging", written: (value) => hugged(json(2)(value)) },
  { name: "one space, blank lines", written: (value) => `\n${json(1)(value).replace(/,\n/g, ",\n\n")}\n\n` },
  { name: "strange white space", written: (value) => strange(json(2)(value)) },
];

/** Every content in every style. */
export function generated(): Sample[] {
  return styled(CONTENTS);
}

/** The same with something of ours in it. */
export function generatedWithOurs(): Sample[] {
  return styled(OWN_CONTENTS);
}

function styled(contents: Record<string, unknown>): Sample[] {
  return Object.entries(contents).flatMap(([name, value]) =>
    STYLES.map((style) => ({ name: `${name}, ${style.name}`, text: style.written(value) })),
  );
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${spaced(one)}`);
  return parts.length === 0 ? "{ }" : `{ ${parts.join(", ")} }`;
}

function topInLines(value: unknown): string {
  const parts = Object.entries(value as object).map(([key, one]) => `  ${JSON.stringify(key)}: ${spaced(one)}`);
  return parts.length === 0 ? "{\n}\n" : `{\n${parts.join(",\n")}\n}\n`;
}

function denseBelow(value: unknown): string {
  const inner = (one: unknown) =>
    typeof one !== "object" || one === null || Array.isArray(one)
      ? spaced(one)
      : `{\n${Object.entries(one)
          .map(([key, deep]) => `        ${JSON.stringify(key)}: ${spaced(deep)}`)
          .join(",\n")}\n    }`;
  const parts = Object.entries(value as object).map(([key, one]) => `    ${JSON.stringify(key)}: ${inner(one)}`);
  return parts.length === 0 ? "{}\n" : `{\n${parts.join(",\n")}\n}`;
}

/** `[{` and `}]` on one line, as some formatters write. */
function hugged(text: string): string {
  return `${text.replace(/\[\n\s*\{/g, "[{").replace(/\}\n\s*\]/g, "}]")}\n`;
}

/** White space where JSON allows it and nobody puts it; texts in quotes are left alone. */
function strange(text: string): string {
  let count = 0;
  return text.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g, (token) => {
    if (token.startsWith('"')) return token;
    count++;
    return [token, ` ${token}`, `${token}\t`, `\n${token}\n`, `${token} `][count % 5] ?? token;
  });
}
