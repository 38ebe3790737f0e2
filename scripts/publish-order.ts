// Which functions `publish` runs, and the benchmark's control after it: what scripts/publish-order.json tells the compiler, so
// that their bytecode stands together at the file's front. Each is a hash of its syntax, the same for every target. What Bun
// also records (strings, cells) gave no more and is left out: 57 lines can be looked at in a change, 7500 cannot.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compile, type Order } from "./compile.ts";

/** Of the commands, in this order: the first one's functions come first. */
const COMMANDS = ["publish", "null"];
const EVENT = '{"hook_event_name":"Stop"}\n';
const LIMIT_MS = 10_000;

/** Records them from a build of its own, which is not sealed: the seal takes out what records. Throws where a run fails. */
export function recordOrder(): Order {
  const scratch = mkdtempSync(join(tmpdir(), "offhook-order-"));
  try {
    const binary = join(scratch, "offhook");
    compile({ entry: resolve(import.meta.dir, "../src/main.ts"), outFile: binary, sealed: false });
    const home = join(scratch, "home");
    mkdirSync(home, { mode: 0o700 });
    run(binary, "publish", home, join(scratch, "first")); // It makes the home, which later ones find.
    const lines = COMMANDS.flatMap((command) => run(binary, command, home, join(scratch, command)).split("\n"));
    const functions = lines.filter((line) => line.startsWith("F ")).map((line) => line.slice(2));
    return { version: lines[0] ?? "", functions: [...new Set(functions)] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function run(binary: string, command: string, home: string, record: string): string {
  const { exitCode, stderr } = Bun.spawnSync([binary, command], {
    env: { HOME: home, PATH: "/usr/bin:/bin", BUN_BYTECODE_ORDER_OUT: record },
    cwd: home,
    stdin: Buffer.from(EVENT),
    timeout: LIMIT_MS,
  });
  if (exitCode !== 0) throw new Error(`${command} gave exit ${exitCode}: ${stderr.toString().trim()}`);
  return readFileSync(record, "utf8");
}
