// The publisher that offhook is not: one line of JSON a event, appended to one log with a single write(2). What each row of
// publishers is shown as its negative control. Arguments: the log.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

const [log = ""] = process.argv.slice(2);
const body = readFileSync(0).toString("base64");
const fd = openSync(log, "a", 0o600);
writeSync(fd, `${JSON.stringify({ name: process.env.CLAUDE_CODE_SESSION_ID, body })}\n`);
closeSync(fd);
