// The event: CloudEvents 1.0 made from one spool file. Imports nothing and does no I/O: which project a path belongs to
// is asked of `projectOf`, handed in. The payload is never rewritten: it is kept as the text that came.
//
// The spool file: line 1 is the header as JSON, a newline, then the bytes of stdin untouched.

/** What `publish` knows, line 1 of a spool file. `size` counts all bytes that came, also those beyond the limit. */
export type SpoolHeader = {
  v: 1;
  id: string;
  time: string;
  pid: number;
  args: string[];
  env: Record<string, string>;
  size: number;
  flags: string[];
  /** Where a program published (`--type`); hook payloads bring their own cwd. */
  cwd?: string;
};

/** One thing that happened. Immutable. Absent attributes are null. */
export type Event = {
  id: string;
  source: string;
  type: string;
  timeMs: number;
  /** The absolute path of the file it is about, or what `--subject` said. */
  subject: string | null;
  node: string;
  sessionId: string | null;
  agentId: string | null;
  tool: string | null;
  toolUseId: string | null;
  project: string | null;
  depth: number;
  /** The id of the event that this one repeats: the same firing reached us twice. */
  duplicateOf: string | null;
  contentType: "application/json" | "text/plain" | "application/octet-stream";
  /** By contentType: the raw JSON text, plain text, or base64. */
  data: string;
};

/** An event with its place in the stream. */
export type StoredEvent = Event & { seq: number };

/** What the maker of events is given. */
export type EventContext = {
  node: string;
  /** The project of an absolute file path (null: of none) with the session's cwd and CLAUDE_PROJECT_DIR; all may be null. */
  projectOf(file: string | null, cwd: string | null, claudeProjectDir: string | null): string | null;
};

export const UNREADABLE = "offhook.unreadable";
export const UNTYPED = "offhook.untyped";
const HOOK_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/;

/** Makes the event of a spool file. Never throws: bytes that are no JSON object become an `offhook.unreadable` event. */
export function makeEvent(header: SpoolHeader, body: Uint8Array, context: EventContext): Event {
  const declared = declaredBy(header.args);
  const content = contentOf(body);
  const payload = content.object;
  const claudeProjectDir = header.env.CLAUDE_PROJECT_DIR ?? null;
  const base = {
    id: header.id,
    timeMs: Date.parse(header.time),
    node: context.node,
    depth: depthOf(header.env.OFFHOOK_DEPTH),
    duplicateOf: null,
    contentType: content.contentType,
    data: content.data,
  };

  if (declared !== null) {
    const cwd = header.cwd ?? null;
    const subject = declared.subject;
    const file = subject?.startsWith("/") === true ? subject : null;
    return {
      ...base,
      source: `/${context.node}/program`,
      type: declared.type,
      subject,
      sessionId: header.env.CLAUDE_CODE_SESSION_ID ?? null,
      agentId: null,
      tool: null,
      toolUseId: null,
      project: context.projectOf(file, cwd, claudeProjectDir),
    };
  }

  const hook = text(payload?.hook_event_name);
  const cwd = text(payload?.cwd);
  const file = payload === null ? null : fileOf(payload, cwd);
  return {
    ...base,
    source: `/${context.node}/claude-code`,
    type: payload === null ? UNREADABLE : hook !== null && HOOK_NAME.test(hook) ? `claude-code.${hook}` : UNTYPED,
    subject: file,
    sessionId: text(payload?.session_id) ?? header.env.CLAUDE_CODE_SESSION_ID ?? null,
    agentId: text(payload?.agent_id),
    tool: text(payload?.tool_name),
    toolUseId: text(payload?.tool_use_id),
    project: context.projectOf(file, cwd, claudeProjectDir),
  };
}

/** One line of CloudEvents JSON: attributes first, `data` spliced in as it came (so integers stay exact), `seq` when stored. */
export function toCloudEventJson(event: Event | StoredEvent): string {
  const attributes: Record<string, unknown> = {
    specversion: "1.0",
    id: event.id,
    source: event.source,
    type: event.type,
    time: new Date(event.timeMs).toISOString(),
    subject: event.subject ?? undefined,
    datacontenttype: event.contentType,
    node: event.node,
    sessionid: event.sessionId ?? undefined,
    agentid: event.agentId ?? undefined,
    tool: event.tool ?? undefined,
    tooluseid: event.toolUseId ?? undefined,
    project: event.project ?? undefined,
    depth: event.depth,
    duplicateof: event.duplicateOf ?? undefined,
    seq: "seq" in event ? event.seq : undefined,
  };
  const head = JSON.stringify(attributes).slice(0, -1);
  switch (event.contentType) {
    case "application/json":
      // A newline in valid JSON text is white space between tokens: a string cannot hold a bare one.
      return `${head},"data":${event.data.replace(/[\r\n]/g, " ").trim()}}`;
    case "text/plain":
      return `${head},"data":${JSON.stringify(event.data)}}`;
    case "application/octet-stream":
      return `${head},"data_base64":${JSON.stringify(event.data)}}`;
    default:
      return event.contentType satisfies never;
  }
}

/** What the arguments of `publish` say of the event: null for a hook, whose payload says it. */
function declaredBy(args: readonly string[]): { type: string; subject: string | null } | null {
  const optionOf = (name: string) => {
    const at = args.indexOf(name);
    const joined = args.find((argument) => argument.startsWith(`${name}=`));
    return at >= 0 ? (args[at + 1] ?? null) : joined !== undefined ? joined.slice(name.length + 1) : null;
  };
  const type = optionOf("--type");
  return type === null ? null : { type, subject: optionOf("--subject") };
}

type Content = Pick<Event, "contentType" | "data"> & { object: Record<string, unknown> | null };

function contentOf(body: Uint8Array): Content {
  let decoded: string;
  try {
    decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
  } catch {
    return { contentType: "application/octet-stream", data: base64(body), object: null };
  }
  try {
    const value: unknown = JSON.parse(decoded);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return {
      contentType: "application/json",
      data: decoded,
      object: isObject ? (value as Record<string, unknown>) : null,
    };
  } catch {
    return { contentType: "text/plain", data: decoded, object: null };
  }
}

function base64(bytes: Uint8Array): string {
  return (bytes as Uint8Array & { toBase64(): string }).toBase64();
}

/**
 * The file that a payload is about, absolute: file_path (Write, Edit, Read, FileChanged), notebook_path (NotebookEdit),
 * filePath (LSP), as Claude Code 2.1.329 sends them. Glob and Grep name a directory to search, which is no file.
 */
function fileOf(payload: Record<string, unknown>, cwd: string | null): string | null {
  const input = payload.tool_input;
  const fields = typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
  const path = text(fields.file_path) ?? text(fields.notebook_path) ?? text(fields.filePath) ?? text(payload.file_path);
  if (path === null || path === "") return null;
  if (path.startsWith("/")) return path;
  return cwd?.startsWith("/") === true ? `${cwd.replace(/\/+$/, "")}/${path}` : null;
}

function depthOf(value: string | undefined): number {
  const depth = Number(value ?? "0");
  return Number.isInteger(depth) && depth >= 0 ? depth : 0;
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
