// Runs inside the throw-away machine, as its root: the parts in order, each check a line of /share/lines. Must not be run elsewhere.
import { appendFileSync, existsSync } from "node:fs";
import { openInside } from "./inside-tools.ts";
import type { Line } from "./machine.ts";
import { refusalPart } from "./refusal-part.ts";
import { setupPart } from "./setup-part.ts";
import { systemPart } from "./system-part.ts";
import { upgradePart } from "./upgrade-part.ts";
import { userPart } from "./user-part.ts";
import { watchPart } from "./watch-part.ts";
import { wizardPart } from "./wizard-part.ts";

if (!existsSync("/share/offhook-test.target")) throw new Error("this is not the throw-away machine");

const put = (line: Line) => appendFileSync("/share/lines", `${JSON.stringify(line)}\n`);
const check = (sentence: string, problems: string[]) => put({ sentence, problems });
const inside = await openInside(check);
const parts = {
  "A service of the user": userPart,
  "Killed, stopped, reloaded": watchPart,
  "A new program": upgradePart,
  "What it refuses": refusalPart,
  "A service of the machine": systemPart,
  "Setup on a terminal": wizardPart,
  "Setup and uninstall": setupPart,
};
for (const [name, part] of Object.entries(parts)) {
  put({ part: name });
  try {
    await part(inside);
  } catch (error) {
    check(`the part "${name}" runs to its end`, [
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    ]);
  }
}
put({ done: true });
