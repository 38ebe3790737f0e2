// A Lua script as Redis keeps it: by the SHA-1 of its text.
import { createHash } from "node:crypto";

export type Script = { name: string; text: string; sha: string };

/** A script with the name under which Redis knows it (EVALSHA) and one for people. */
export function script(name: string, text: string): Script {
  return { name, text, sha: createHash("sha1").update(text).digest("hex") };
}
