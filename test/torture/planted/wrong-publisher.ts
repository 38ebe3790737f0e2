// Publishers with a mistake each, for the negative controls: they write the spool as publish does, and say in one line what went
// wrong, but for what their name says. Arguments: the mistake.
//   early     says "stored" before the rename
//   in-place  writes into new/ at once, where everybody sees it
//   deaf      goes on after a failed write or fsync, and says that all is well
//   strict    takes only JSON, keeps it as it likes to write it, and says that all is well of the rest
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";

const [mistake = ""] = process.argv.slice(2);
const home = process.env.OFFHOOK_HOME ?? "";

function publish(): void {
  const spool = `${home}/spool`;
  for (const directory of ["tmp", "new"]) mkdirSync(`${spool}/${directory}`, { recursive: true, mode: 0o700 });
  const body = mistake === "strict" ? rewritten(readFileSync(0)) : readFileSync(0);
  if (body === null) return;
  const id = Bun.randomUUIDv7();
  const env = { CLAUDE_CODE_SESSION_ID: process.env.CLAUDE_CODE_SESSION_ID };
  const header = {
    v: 1,
    id,
    time: new Date().toISOString(),
    pid: process.pid,
    args: [],
    env,
    size: body.length,
    flags: [],
  };
  const written = mistake === "in-place" ? `${spool}/new/${id}` : `${spool}/tmp/${id}.${process.pid}`;
  const fd = openSync(written, "wx", 0o600);
  attempt(() => writeSync(fd, `${JSON.stringify(header)}\n`));
  attempt(() => {
    for (let at = 0; at < body.length; ) at += writeSync(fd, body, at);
  });
  attempt(() => fsyncSync(fd));
  closeSync(fd);
  if (mistake === "early") writeSync(1, "stored\n");
  if (mistake !== "in-place") renameSync(written, `${spool}/new/${id}`);
  const directory = openSync(`${spool}/new`, "r");
  attempt(() => fsyncSync(directory));
  closeSync(directory);
}

function rewritten(bytes: Buffer): Buffer | null {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(bytes.toString())));
  } catch {
    return null;
  }
}

function attempt(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (mistake !== "deaf") throw error;
  }
}

try {
  publish();
} catch (error) {
  console.error(`offhook: the event was not stored: ${(error as Error).message} (${home})`);
  process.exit(1);
}
