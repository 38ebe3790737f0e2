// scripts/test-services: the parts in order, the closing line, the end of everything that was started. Argument: the path of offhook.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openReport } from "../claude/report.ts";
import { startMachine, whyNoMachine } from "./machine.ts";
import { checkPlists } from "./plist-check.ts";

const [offhook = "dist/offhook"] = process.argv.slice(2);
const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-services-")));
const report = openReport(console.log);
const cut = Promise.withResolvers<string>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => cut.resolve(signal));

report.part("Property lists for launchd, by Apple's rules");
for (const { sentence, problems, skipped } of checkPlists(root)) {
  if (skipped === null) report.check(sentence, problems);
  else skip(sentence, skipped);
}

report.part("A machine of its own, with a real systemd");
const why = whyNoMachine();
if (why === null) {
  const machine = startMachine({ root, offhook: resolve(offhook), onCheck: report.check, onPart: report.part });
  void cut.promise.then((signal) => machine.end(`ended by ${signal}`));
  report.check("the machine does all its checks and ends by itself", await machine.ended);
} else skip("the service in a machine of its own", why);

if (report.failed === 0) rmSync(root, { recursive: true, force: true });
else console.log(`\nKept for a look: ${root}`);
console.log(`\n${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`);
process.exitCode = report.failed === 0 ? 0 : 1;

function skip(sentence: string, reason: string): void {
  report.skipped++;
  console.log(`  skip ${sentence}: ${reason}`);
}
