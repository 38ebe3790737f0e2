// Reads a spool back, with eyes of its own: nothing of src/ is used, so that a mistake there cannot hide itself.
// An event is one file of spool/new: line 1 a JSON header, a newline, then the bytes that were sent, all of them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf, type Sent } from "./publisher.ts";

export type SpoolSeen = {
  /** Names of the publishers whose event is there, whole. */
  whole: Set<string>;
  /** Ids of those events, by the publisher's name. */
  ids: Map<string, string>;
  /** One sentence for each file that is visible and not what was sent. */
  corrupt: string[];
  /** Files in tmp/: left by those that were killed. */
  orphans: number;
};

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Looks at everything that is visible in a home's spool. `sent` is what may be there, by name. */
export function readSpool(home: string, sent: ReadonlyMap<string, Sent>): SpoolSeen {
  const seen: SpoolSeen = { whole: new Set(), ids: new Map(), corrupt: [], orphans: namesIn(home, "tmp").length };
  for (const id of namesIn(home, "new")) {
    const bytes = readFileSync(join(home, "spool", "new", id));
    const told = nameOf(id, bytes, sent);
    if ("wrong" in told) seen.corrupt.push(`spool/new/${id}: ${told.wrong}`);
    else if (seen.whole.has(told.name)) seen.corrupt.push(`spool/new/${id}: ${told.name} is there twice`);
    else {
      seen.whole.add(told.name);
      seen.ids.set(told.name, id);
    }
  }
  return seen;
}

/** Sentences for those of `names` whose event is not there whole. */
export function lostOf(names: Iterable<string>, { whole }: SpoolSeen, how: string): string[] {
  return [...names].filter((name) => !whole.has(name)).map((name) => `${name} was acknowledged and is lost (${how})`);
}

/** The names in one of the spool's directories; none where it is not there. */
export function namesIn(home: string, directory: "new" | "tmp" | "bad"): string[] {
  try {
    return readdirSync(join(home, "spool", directory)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Whose event it is, or what is wrong with it. */
function nameOf(id: string, bytes: Buffer, sent: ReadonlyMap<string, Sent>): { name: string } | { wrong: string } {
  if (!ID.test(id)) return { wrong: "its name is no UUIDv7" };
  const end = bytes.indexOf(10);
  if (end < 0) return { wrong: `no whole line 1 in ${bytes.length} bytes` };
  let header: Record<string, any>;
  try {
    header = JSON.parse(bytes.toString("utf8", 0, end));
  } catch {
    return { wrong: `line 1 is no JSON: ${bytes.toString("utf8", 0, Math.min(end, 100))}` };
  }
  if (header.v !== 1 || header.id !== id) return { wrong: `its header is of ${header.id}, version ${header.v}` };
  const name = header.env?.CLAUDE_CODE_SESSION_ID;
  const expected = sent.get(name);
  if (expected === undefined) return { wrong: `nobody sent ${JSON.stringify(name)}` };
  const body = bytes.subarray(end + 1);
  if (digestOf(body) !== expected.digest)
    return { wrong: `${name} holds ${body.length} bytes, not those that were sent` };
  if (header.size !== expected.sizeBytes)
    return { wrong: `${name} says ${header.size} of ${expected.sizeBytes} bytes` };
  if (String(header.flags) !== String(expected.flags)) return { wrong: `${name} is flagged ${header.flags}` };
  return { name };
}
