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
    return typeof row.data === "string" ? row.data : Bun.zstdDecompressSync(row.data).toString("utf8");
  };
}

/** The event of a row. */
export function eventOfRow(row: EventRow, load: LoadData): StoredEvent {
  let data = row.data;
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
      data ??= load(row.seq);
      return data;
    },
  };
}
