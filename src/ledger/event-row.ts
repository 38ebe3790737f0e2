// Between an event and its row in the ledger. Large data is compressed; it is read and unpacked only when somebody asks for it.
import type { Database } from "bun:sqlite";
import type { Event, StoredEvent } from "../event/event.ts";

/** Data above this is stored compressed. */
export const COMPRESS_ABOVE_BYTES = 262_144;

/** Events up to this many bytes come along when a row is read; the data of larger ones is read when somebody asks for it. */
const INLINE_DATA_BYTES = 65_536;

/** What to select so that eventOfRow can read it. */
export const EVENT_COLUMNS = `
  seq, id, time_ms, source, type, subject, node, session, agent, tool, tool_use, project, depth, duplicate_of, content_type,
  CASE WHEN typeof(data) = 'text' AND length(data) <= ${INLINE_DATA_BYTES} THEN data END AS data`;

/** A row as EVENT_COLUMNS selects it; data is null where it was left for later. */
export type EventRow = {
  seq: number;
  id: string;
  time_ms: number;
  source: string;
  type: string;
  subject: string | null;
  node: string;
  session: string | null;
  agent: string | null;
  tool: string | null;
  tool_use: string | null;
  project: string | null;
  depth: number;
  duplicate_of: string | null;
  content_type: Event["contentType"];
  data: string | null;
};

/** The stored form of an event's data: the text itself, or its compressed bytes. */
export function packData(data: string): string | Uint8Array {
  return data.length > COMPRESS_ABOVE_BYTES ? Bun.zstdCompressSync(data, { level: 3 }) : data;
}

/** Reads data that did not come with its row. */
export type LoadData = (seq: number) => string;

/** A loader of large data on this connection. */
export function dataLoader(db: Database): LoadData {
  const query = db.query("SELECT data FROM events WHERE seq = ?");
  return (seq) => {
    const row = query.get(seq) as { data: string | Uint8Array } | null;
    if (row === null) throw new Error(`event ${seq} is no longer in the ledger`);
    return typeof row.data === "string" ? row.data : unpacked(row.data);
  };
}

/** The text of compressed bytes; empty where they are damaged. */
function unpacked(bytes: Uint8Array): string {
  try {
    return Bun.zstdDecompressSync(bytes).toString("utf8");
  } catch {
    return "";
  }
}

/** Stands for data that a damaged ledger does not give back: one event must not stop all others. */
const LOST = JSON.stringify({ damaged: "what this event held is damaged in the ledger" });

/** Data as it may be handed on: what says that it is JSON is JSON. */
function soundData(data: string, contentType: Event["contentType"]): string {
  if (contentType !== "application/json") return data;
  try {
    JSON.parse(data);
    return data;
  } catch {
    return LOST;
  }
}

/** Whether the attributes of a row can be what was written: a flipped bit in the file may have made anything of them. */
function isSound({ time_ms, content_type }: EventRow): boolean {
  const isTime = Math.abs(time_ms) <= 8.64e15; // The range of Date.
  return isTime && ["application/json", "text/plain", "application/octet-stream"].includes(content_type);
}

/** The event of a row. */
export function eventOfRow(row: EventRow, load: LoadData): StoredEvent {
  if (!isSound(row))
    return eventOfRow(
      { ...row, time_ms: 0, type: "offhook.unreadable", content_type: "application/json", data: "" },
      load,
    );
  let data: string | null = null;
  return {
    seq: row.seq,
    id: row.id,
    timeMs: row.time_ms,
    source: row.source,
    type: row.type,
    subject: row.subject,
    node: row.node,
    sessionId: row.session,
    agentId: row.agent,
    tool: row.tool,
    toolUseId: row.tool_use,
    project: row.project,
    depth: row.depth,
    duplicateOf: row.duplicate_of,
    contentType: row.content_type,
    get data() {
      data ??= soundData(row.data ?? load(row.seq), row.content_type);
      return data;
    },
  };
}
