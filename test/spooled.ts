// What `publish` left in a spool, read as it lies there: the header of line 1 and the bytes after it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SpoolHeader } from "../src/event/event.ts";

export type Spooled = { name: string; header: SpoolHeader; body: Buffer };

/** All waiting events of a home, in the order of their ids; none where there is no spool. */
export function spooled(home: string): Spooled[] {
  return namesIn(home, "new").map((name) => {
    const bytes = readFileSync(join(home, "spool", "new", name));
    const end = bytes.indexOf(10);
    return { name, header: JSON.parse(bytes.toString("utf8", 0, end)), body: bytes.subarray(end + 1) };
  });
}

/** The one event of a home; anything else is an error. */
export function onlySpooled(home: string): Spooled {
  const [event, ...others] = spooled(home);
  if (event === undefined || others.length > 0)
    throw new Error(`${home} holds ${others.length + (event ? 1 : 0)} events, not one`);
  return event;
}

/** The names in one of the spool's directories. */
export function namesIn(home: string, directory: "new" | "tmp" | "bad"): string[] {
  try {
    return readdirSync(join(home, "spool", directory)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR")
      return [];
    throw error;
  }
}
