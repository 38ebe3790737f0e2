// scripts/build: makes dist/offhook for this machine (and with --null the benchmark's control), and tries what it made.
// With --order it writes scripts/publish-order.json anew instead.
import { writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { offhookTrials, type Trial, troublesOf } from "./check-binary.ts";
import { compile, removeLeftovers, versionOfPackage } from "./compile.ts";
import { recordOrder } from "./publish-order.ts";
import { SWITCHES } from "./runtime-switches.ts";

const ROOT = resolve(import.meta.dir, "..");

/** A binary, and what it must answer wherever it is run. */
type Product = { entry: string; outFile: string; trials: Trial[] };

const OFFHOOK: Product = {
  entry: join(ROOT, "src/main.ts"),
  outFile: join(ROOT, "dist/offhook"),
  trials: offhookTrials(versionOfPackage()),
};

const NULL: Product = {
  entry: join(ROOT, "src/measure/null.ts"),
  outFile: join(ROOT, "dist/offhook-null"),
  trials: [{ args: [], stdin: "{}\n", stdout: "", stores: false }],
};

function build({ entry, outFile, trials }: Product): void {
  const startedAt = performance.now();
  compile({ entry, outFile, check: (binary) => mustBeWell(binary, trials) });
  console.log(
    `built ${relative(ROOT, outFile)} ${versionOfPackage()} for ${process.platform}-${process.arch} ` +
      `in ${((performance.now() - startedAt) / 1000).toFixed(1)} s; it was run in a hostile directory with ` +
      `${SWITCHES.length + 1} hostile variables (BUN_BE_BUN, BUN_OPTIONS, ...) and ignored them all`,
  );
}

function mustBeWell(binary: string, trials: Trial[]): void {
  const troubles = troublesOf(binary, trials);
  if (troubles.length > 0) throw new Error(`what was built is not as it should be:\n${troubles.join("\n")}`);
}

function writeOrder(): void {
  const order = recordOrder();
  writeFileSync(join(ROOT, "scripts/publish-order.json"), `${JSON.stringify(order, null, 2)}\n`);
  console.log(`wrote scripts/publish-order.json: ${order.functions.length} functions`);
}

const { values } = parseArgs({
  options: { null: { type: "boolean", default: false }, order: { type: "boolean", default: false } },
});
try {
  removeLeftovers(join(ROOT, "dist"));
  if (values.order) writeOrder();
  else for (const product of values.null ? [OFFHOOK, NULL] : [OFFHOOK]) build(product);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
