// Calls of the daemon that the system refuses for a moment (strace makes them fail): nothing is given up for that, what is ours is
// not taken for a stranger's, and it goes on by itself. Each was found by the torture suite (consume-faults), and is one call here.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY } from "./running.ts";
import { endAllOf, type Life, startConsume } from "./torture/consume.ts";
import { spoiledIn, watched } from "./torture/daemon-faults.ts";
import { comesToRest } from "./torture/ledger-seen.ts";
import { type Node, openNode } from "./torture/node.ts";
import { missingStrace } from "./torture/strace.ts";

const missing = missingStrace();
const traced = missing === null ? test : test.skip;

let root: string;
let node: Node;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
  node = openNode(join(root, "home"), BINARY, () => undefined);
  node.consumer("log", `on = ["**"]\nstart = "earliest"\nbuiltin = "log"\n`);
});
afterEach(async () => {
  await endAllOf(node.home);
  rmSync(root, { recursive: true, force: true });
});

const trace = () => join(root, "trace");

/** Publishes an event and gives the path of its file. */
async function publish(name: string): Promise<string> {
  const { exitCode } = await node.publish(name, new TextEncoder().encode('{"hook_event_name":"Stop"}\n'));
  expect(exitCode).toBe(0);
  const spool = join(node.home, "spool", "new");
  return join(spool, readdirSync(spool).sort().at(-1) ?? "");
}

/** Starts a daemon some calls of which fail: from the first to the last of those about a path (null: about anything). */
function startSpoiled(call: string, error: string, [first, last]: [number, number], path: string | null): Life {
  return startConsume(BINARY, node.home, watched(trace(), path === null ? [] : [path], { call, error, first, last }));
}

/** Everything is done by the same daemon, the call did fail, and the log has the events. */
async function goesOn(life: Life, ...names: string[]): Promise<void> {
  expect(await life.isReady(), life.output()).toBe(true);
  expect(await comesToRest(node.home, life), life.output()).toBe(true);
  expect(spoiledIn(readFileSync(trace(), "utf8"))).toBeGreaterThan(0);
  const log = readFileSync(join(node.home, "logs", "log.ndjson"), "utf8");
  for (const name of names) expect(log).toContain(`"sessionid":"${name}"`);
  expect(readdirSync(join(node.home, "spool", "bad"))).toEqual([]);
  life.signal("SIGTERM");
  expect(await life.ended).toBe(0);
}

traced("a file of the spool that may not be opened for a moment is waited for, and not set aside", async () => {
  await publish("before");
  const path = await publish("refused");
  await goesOn(startSpoiled("openat", "EACCES", [1, 2], path), "before", "refused");
});

traced(
  "a consumer file that cannot be read for a moment is read again without an edit",
  async () => {
    await publish("waiting");
    const life = startSpoiled("read", "EIO", [1, 1], join(node.home, "consumers", "log.toml"));
    await goesOn(life, "waiting");
    expect(life.output()).toContain("log: does not run, because the file is broken");
    expect(life.output()).toContain("log: the changed file is in use");
  },
  30_000,
);

traced(
  "consumers/ that cannot be looked at for a moment ends nothing",
  async () => {
    await publish("first");
    const life = startSpoiled("statx", "EIO", [2, 6], join(node.home, "consumers"));
    expect(await life.isReady(), life.output()).toBe(true);
    await publish("second");
    await goesOn(life, "first", "second");
  },
  30_000,
);

traced(
  "where the system allows no more watches, looking now and then is enough",
  async () => {
    await publish("first");
    const fault = ["--trace=inotify_add_watch", "--inject=inotify_add_watch:error=ENOSPC"];
    const life = startConsume(BINARY, node.home, ["strace", "-D", "-f", "--seccomp-bpf", "-o", trace(), ...fault]);
    expect(await life.isReady(), life.output()).toBe(true);
    await publish("second");
    await goesOn(life, "first", "second");
  },
  30_000,
);

traced(
  "a ledger that could not be made is not a damaged one",
  async () => {
    await publish("first");
    for (let call = 1; call <= 4; call++) {
      const life = startSpoiled("pread64", "EIO", [call, call], join(node.home, "ledger.db"));
      if (await life.isReady()) await goesOn(life, "first");
      else expect(life.output()).toMatch(/^error: .*\ntry: /m);
      expect(readdirSync(node.home).filter((name) => name.includes("damaged"))).toEqual([]);
      for (const suffix of ["", "-wal", "-shm"]) rmSync(join(node.home, `ledger.db${suffix}`), { force: true });
      if (!existsSync(join(node.home, "spool", "new"))) throw new Error("no spool");
      await publish("first");
    }
  },
  60_000,
);
