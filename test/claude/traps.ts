// A hostile repository and a hostile environment: everything by which a Bun binary could be made to run or believe
// something of the directory it was started in. Whatever runs leaves a mark of its own.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./children.ts";
import { plainEnv, type Scratch } from "./scratch.ts";

/** What reaches the hooks. BUN_INSPECT asks a Bun that listens to it to wait for a debugger: it would hang. */
export const HOSTILE_ENV = {
  BUN_BE_BUN: "1",
  BUN_OPTIONS: "--preload ./evil-options.ts",
  BUN_INSPECT: "127.0.0.1:0?wait=1",
  BUN_INSPECT_PRELOAD: "./evil-inspect.ts",
};

const COMMANDS = [
  "publish",
  "prepublishOnly",
  "prepack",
  "prepare",
  "consume",
  "status",
  "events",
  "deliveries",
  "show",
];
const MARKS = "marks";

/** Lays the traps in the project of `scratch`. */
export function layTraps({ root, project }: Scratch): void {
  const marks = join(root, MARKS);
  mkdirSync(marks);
  const mark = (name: string) =>
    `require("fs").writeFileSync(${JSON.stringify(join(marks, name))}, process.argv.join(" "));\n`;
  const write = (name: string, text: string) => writeFileSync(join(project, name), text);
  for (const name of ["options", "inspect", "bunfig"]) write(`evil-${name}.ts`, mark(name));
  write("bunfig.toml", 'preload = ["./evil-bunfig.ts"]\n');
  write(".env", "OFFHOOK_DEPTH=9\nBUN_OPTIONS=--preload ./evil-options.ts\n");
  const scripts = Object.fromEntries(COMMANDS.map((name) => [name, `echo ran > "${join(marks, `script-${name}`)}"`]));
  write("package.json", JSON.stringify({ name: "evil", version: "0.0.1", private: true, scripts }, null, 2));
  for (const name of COMMANDS) write(`${name}.ts`, mark(`file-${name}`));
}

/** The marks of what ran. */
export function trapsSprung({ root }: Scratch): string[] {
  return readdirSync(join(root, MARKS)).map((name) => `ran: ${name}`);
}

/** Shows that the traps are live: a plain Bun springs them. Then clears the marks. Returns what did not spring. */
export async function trapsWork(bun: string, scratch: Scratch): Promise<string[]> {
  const tell = "console.log(process.env.OFFHOOK_DEPTH)";
  const at = (env: Record<string, string>) => ({
    cwd: scratch.project,
    env: { ...plainEnv(scratch), ...env },
    timeoutMs: 10_000,
  });
  const told = await run([bun, "-e", tell], at({ BUN_OPTIONS: HOSTILE_ENV.BUN_OPTIONS }));
  await run([bun, "run", "status"], at({}));
  await run([bun, "-e", tell], at({ BUN_OPTIONS: "--smol", BUN_INSPECT_PRELOAD: HOSTILE_ENV.BUN_INSPECT_PRELOAD }));
  const sprung = trapsSprung(scratch);
  const missing = ["options", "bunfig", "script-status", "inspect"].filter((name) => !sprung.includes(`ran: ${name}`));
  if (told.stdout.trim() !== "9") missing.push(`.env: OFFHOOK_DEPTH is ${told.stdout.trim()}`);
  rmSync(join(scratch.root, MARKS), { recursive: true });
  mkdirSync(join(scratch.root, MARKS));
  return missing.map((name) => `did not spring: ${name}`);
}
