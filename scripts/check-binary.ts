// Tries a built binary in a directory that means harm: a bunfig.toml with a preload, a .env, a package.json with scripts of
// our commands' names, and every switch of runtime-switches.ts in turn. It must behave as if none of that were there.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENGINE_OPTION, SWITCHES } from "./runtime-switches.ts";

/** One run of the binary that must look the same with and without hostile surroundings. */
export type Trial = {
  args: string[];
  stdin: string;
  stdout: string;
  /** True: one more event is in the spool afterwards. */
  stores: boolean;
};

/** What offhook must answer wherever it is run. */
export function offhookTrials(version: string): Trial[] {
  return [
    { args: ["--version"], stdin: "", stdout: `${version}\n`, stores: false },
    { args: ["publish"], stdin: '{"hook_event_name":"Stop"}\n', stdout: "", stores: true },
  ];
}

const HOSTILE_FILES: Record<string, string> = {
  "evil.ts": 'require("node:fs").writeFileSync("evil-ran", ""); console.log("evil");',
  "bunfig.toml": 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n',
  ".env": "BUN_BE_BUN=1\nBUN_OPTIONS=--preload=./evil.ts\nOFFHOOK_HOME=./evil-home\n",
  ".env.local": "OFFHOOK_HOME=./evil-home\n",
  "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./evil.ts"] } } }',
  "package.json": '{ "name": "evil", "scripts": { "publish": "echo > evil-ran", "--version": "echo > evil-ran" } }',
};

/** What went wrong, one sentence each; empty when the binary is well. It runs about 30 times, 10 ms each. */
export function troublesOf(binary: string, trials: Trial[]): string[] {
  const scratch = mkdtempSync(join(tmpdir(), "offhook-check-"));
  try {
    const directory = join(scratch, "repository");
    const home = join(scratch, "home");
    for (const path of [directory, home]) mkdirSync(path, { mode: 0o700 });
    for (const [name, text] of Object.entries(HOSTILE_FILES)) writeFileSync(join(directory, name), text);
    writeFileSync(join(home, ".bunfig.toml"), `preload = ["${join(directory, "evil.ts")}"]\n`);
    const before = readdirSync(directory).sort().join(" ");

    const surroundings = [{ name: "", value: "" }, ...SWITCHES, ENGINE_OPTION];
    return surroundings.flatMap(({ name, value }) => {
      const where = name === "" ? "in a hostile directory" : `with ${name}=${value}`;
      const troubles = trials.flatMap((trial) => troubleOf(binary, trial, { directory, home, name, value }));
      const after = readdirSync(directory).sort().join(" ");
      if (after !== before) troubles.push(`it left files behind: ${after}`);
      for (const file of readdirSync(directory))
        if (!(file in HOSTILE_FILES)) rmSync(join(directory, file), { recursive: true });
      return troubles.map((trouble) => `${where}: ${trouble}`);
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Surroundings = { directory: string; home: string; name: string; value: string };

function troubleOf(binary: string, trial: Trial, { directory, home, name, value }: Surroundings): string[] {
  const { args, stdin, stdout, stores } = trial;
  const env: Record<string, string> = { PATH: "/usr/bin:/bin", HOME: home };
  if (name !== "") env[name] = value;
  const storedBefore = storedIn(home);
  const run = Bun.spawnSync([binary, ...args], { cwd: directory, env, stdin: Buffer.from(stdin), timeout: 10_000 });
  const seen = `exit ${run.exitCode ?? run.signalCode}, stdout ${JSON.stringify(run.stdout.toString().slice(0, 200))}`;
  const words = run.stderr.toString().slice(0, 300);
  const what = args.join(" ") || "a run";
  if (run.exitCode !== 0 || run.stdout.toString() !== stdout || words !== "") {
    return [`${what} gave ${seen}, stderr ${JSON.stringify(words)}`];
  }
  const stored = storedIn(home) - storedBefore;
  return stored === (stores ? 1 : 0) ? [] : [`${what} stored ${stored} events`];
}

function storedIn(home: string): number {
  const spool = join(home, ".offhook/spool/new");
  return existsSync(spool) ? readdirSync(spool).length : 0;
}
