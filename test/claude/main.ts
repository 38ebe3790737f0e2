// scripts/test-claude: the parts in order, the closing line, the end of everything that was started. Arguments: the
// paths of claude and offhook, then --json for a line of JSON with the measured gaps. Bounded: what is not done in time
// is a failure.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { endAll } from "./children.ts";
import { endGaps, gapJson, gapTable, measureGaps } from "./gap-part.ts";
import { hostilePart } from "./hostile-part.ts";
import { installationPart } from "./installation-part.ts";
import { openReport } from "./report.ts";
import type { Tools } from "./tools.ts";
import { wholePart } from "./whole-part.ts";

const LIMIT_MS = 280_000;

const [claude = "", offhook = "", ...options] = process.argv.slice(2);
const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-claude-")));
const tools: Tools = { claude: resolve(claude), offhook: resolve(offhook), bun: process.execPath, root };
const report = openReport(console.log);

async function gapPart(): Promise<void> {
  report.part(
    "The agent's gap per Write: the tool and its hooks, as Claude Code waits for them (the figures are not judged)",
  );
  const measured = await measureGaps(tools, report);
  for (const line of gapTable(measured)) console.log(line);
  if (options.includes("--json")) console.log(gapJson(measured));
}

const cut = Promise.withResolvers<never>();
let isCut = false;
function cutShort(reason: string): void {
  isCut = true;
  cut.reject(new Error(reason));
}
const limit = setTimeout(() => cutShort(`not done after ${LIMIT_MS / 1000} s`), LIMIT_MS);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => cutShort(`ended by ${signal}`));

const parts = {
  wholePart: () => wholePart(tools, report),
  hostilePart: () => hostilePart(tools, report),
  installationPart: () => installationPart(tools, report),
  gapPart,
};
for (const [name, part] of Object.entries(parts)) {
  if (isCut) break;
  try {
    await Promise.race([part(), cut.promise]);
  } catch (error) {
    report.check(`${name} runs to its end`, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
  }
}
clearTimeout(limit);
await endAll(3000);
endGaps();

if (report.failed === 0) rmSync(root, { recursive: true, force: true });
else console.log(`\nKept for a look: ${root}`);
console.log(`\n${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`);
process.exitCode = report.failed === 0 ? 0 : 1;
