// A hook runs inside any repository with any environment: nothing of either is executed or believed.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeScratch, offhook } from "./binary.ts";
import { onlySpooled } from "./spooled.ts";

const scratch = makeScratch();
const PAYLOAD = '{"hook_event_name":"Stop"}\n';
const SILENT = { exitCode: 0, signal: null, stdout: "", stderr: "" };

/** A repository in which everything that Bun may look at writes a file named "executed" when it runs. */
function hostileRepository(): { path: string; executed: string; elsewhere: string } {
  const path = scratch.directory("repository");
  const executed = join(path, "executed");
  const elsewhere = join(path, "elsewhere");
  const evil = `require("node:fs").appendFileSync(${JSON.stringify(executed)}, "yes");`;
  const write = (name: string, text: string) => writeFileSync(join(path, name), text);
  for (const directory of ["node_modules/node:fs", "node_modules/valibot"])
    mkdirSync(join(path, directory), { recursive: true });
  for (const name of ["evil.ts", "publish", "publish.ts", "index.ts", "node_modules/valibot/index.js"])
    write(name, evil);
  const script = `echo yes > '${executed}'`;
  write(
    "package.json",
    JSON.stringify({
      name: "evil",
      private: true,
      version: "1.0.0",
      scripts: { publish: script, prepublishOnly: script, status: script },
    }),
  );
  write("tsconfig.json", JSON.stringify({ compilerOptions: { paths: { "*": ["./evil.ts"] } } }));
  write("bunfig.toml", 'preload = ["./evil.ts"]\n[run]\nbun = true\n[test]\npreload = ["./evil.ts"]\n');
  for (const name of [".env", ".env.local", ".env.production"]) {
    write(name, `OFFHOOK_HOME=${elsewhere}\nOFFHOOK_DEPTH=9\nBUN_OPTIONS=--preload ./evil.ts\nBUN_BE_BUN=1\n`);
  }
  return { path, executed, elsewhere };
}

const environments: Record<string, Record<string, string>> = {
  "nothing in the environment": {},
  BUN_BE_BUN: { BUN_BE_BUN: "1" },
  "BUN_OPTIONS with --preload": { BUN_OPTIONS: "--preload ./evil.ts" },
  "BUN_OPTIONS with -e": { BUN_OPTIONS: "-e 'console.log(1)'" },
  "BUN_OPTIONS with --cpu-prof": { BUN_OPTIONS: "--cpu-prof" },
  BUN_INSPECT: { BUN_INSPECT: "127.0.0.1:0?wait=1" },
  BUN_INSPECT_PRELOAD: { BUN_INSPECT_PRELOAD: "./evil.ts" },
  NODE_OPTIONS: { NODE_OPTIONS: "--require ./evil.ts" },
  "all of them": {
    BUN_BE_BUN: "1",
    BUN_OPTIONS: "--preload ./evil.ts",
    BUN_INSPECT: "127.0.0.1:0?wait=1",
    BUN_INSPECT_PRELOAD: "./evil.ts",
  },
};
for (const [what, env] of Object.entries(environments)) {
  test(`in a hostile repository, with ${what}: the event is stored, and nothing else happens`, async () => {
    const home = scratch.home();
    const repository = hostileRepository();
    const before = readdirSync(repository.path);
    expect(await offhook(["publish"], { home, stdin: PAYLOAD, cwd: repository.path, env })).toEqual(SILENT);
    const { header, body } = onlySpooled(home);
    expect(body.toString()).toBe(PAYLOAD);
    expect(header.env).toEqual({});
    expect(existsSync(repository.executed)).toBe(false);
    expect(readdirSync(repository.path)).toEqual(before);
  });
}
