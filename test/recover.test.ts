// What a killed daemon left running, and what its next start makes of it: the worker's tree is ended, wherever its processes went and
// even where its group was never noted; what only has the same pid, or part of the same environment, is somebody else's.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processStartTime } from "../src/system/process.ts";
import { consumerOf, isRunning, openGuarded } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

let on: Running;
const started: Bun.Subprocess[] = [];
beforeEach(() => {
  on = openGuarded();
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  for (const pid of pidsIn("pids")) if (isRunning(pid)) process.kill(pid, "SIGKILL");
  await on.end();
});

/** A process that nobody here started as a worker; it leads a group and a session of its own. */
function innocent(env: Record<string, string> = {}): number {
  const child = Bun.spawn(["sleep", "1000"], {
    env,
    detached: true,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  started.push(child);
  return child.pid;
}

const pidsIn = (name: string) => {
  const path = join(on.home, name);
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
};

/** Starts a daemon whose worker runs `script` in its first attempt and ends well in its next, and kills it when `count` pids are in HOME/pids. */
async function killBeside(script: string, count: number): Promise<number[]> {
  on.consumer(
    "c",
    `on = ["PostToolUse"]\nretry = { max = 0 }\nshell = '''test "$OFFHOOK_ATTEMPT" = 2 && exit 0; ${script}'''\n`,
  );
  const daemon = await on.start();
  await on.publish(wrote(on.file("a.py")));
  await until(
    () => pidsIn("pids").length === count,
    () => `pids: ${pidsIn("pids")}; ${daemon.output()}`,
  );
  // The group is noted right after the start, which the worker may outrun.
  await until(
    () => attempt().group !== null,
    () => "no group noted",
  );
  await daemon.stop("SIGKILL");
  return pidsIn("pids");
}

const LEADER = `echo $$ >> "$OFFHOOK_HOME/pids";`;

/** Asks or changes the only attempt in the ledger. */
function attempt(change?: Record<string, string | number | null>): {
  delivery: string;
  boot: string;
  group: number | null;
} {
  const db = new Database(join(on.home, "ledger.db"), { readwrite: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    for (const [column, value] of Object.entries(change ?? {}))
      db.query(`UPDATE attempts SET ${column} = ?`).run(value);
    return db
      .query(
        `SELECT d.id AS delivery, a.boot_id AS boot, a.group_id AS "group"
         FROM attempts a JOIN deliveries d ON d.ordinal = a.delivery`,
      )
      .get() as ReturnType<typeof attempt>;
  } finally {
    db.close();
  }
}

/** The next start, until everything is done. */
async function recovered(): Promise<void> {
  const daemon = await on.start();
  const status = await on.settled();
  expect(consumerOf(status, "c")).toMatchObject({ ok: 1, failed: 0, dead: 0 });
  expect(daemon.output()).toContain("1 delivery was running when the last daemon ended: ready again");
}

test("a worker that the killed daemon left is ended before its delivery runs again", async () => {
  const [worker = 0] = await killBeside(`${LEADER} exec sleep 1000`, 1);
  expect(isRunning(worker)).toBe(true);
  await recovered();
  expect(isRunning(worker)).toBe(false);
}, 30_000);

const PLANTED: [what: string, planted: (pid: number) => Record<string, string | number | null>, isEnded: boolean][] = [
  ["with another start time is somebody else's: left alone", (pid) => ({ group_id: pid }), false],
  [
    "with its own start time, of another boot, is somebody else's: left alone",
    (pid) => ({ group_id: pid, leader_start: processStartTime(pid), boot_id: "00000000-0000-4000-8000-000000000000" }),
    false,
  ],
  ["of an attempt without a start time is not believed", (pid) => ({ group_id: pid, leader_start: null }), false],
  [
    "with its own start time and of this boot is ended",
    (pid) => ({ group_id: pid, leader_start: processStartTime(pid) }),
    true,
  ],
];
test.each(PLANTED)(
  "the recorded group id of a process %s",
  async (_, planted, isEnded) => {
    await killBeside(`${LEADER} exec sleep 1000`, 1);
    const pid = innocent();
    attempt(planted(pid));
    await recovered();
    expect(isRunning(pid)).toBe(!isEnded);
  },
  30_000,
);

const onLinux = process.platform === "linux" ? test : test.skip;

onLinux(
  "a worker whose group was not noted is ended, with what left its session and lost its parent",
  async () => {
    const far = `echo $$ >> "$OFFHOOK_HOME/pids"; exec sleep 1000`;
    const tree = `setsid sh -c "$FAR" & (setsid sh -c "$FAR" &) ; ${LEADER} exec sleep 1000`;
    const pids = await killBeside(`export FAR="${far.replaceAll('"', '\\"').replaceAll("$", "\\$")}"; ${tree}`, 3);
    expect(pids.map(isRunning)).toEqual([true, true, true]);
    const { delivery } = attempt({ group_id: null, leader_start: null });
    const ofOthers = [
      { OFFHOOK_HOME: `${on.home}-copy`, OFFHOOK_DELIVERY_ID: delivery, OFFHOOK_ATTEMPT: "1" },
      { OFFHOOK_HOME: on.home, OFFHOOK_DELIVERY_ID: delivery, OFFHOOK_ATTEMPT: "7" },
      { OFFHOOK_HOME: on.home, OFFHOOK_DELIVERY_ID: "d_000000000000", OFFHOOK_ATTEMPT: "1" },
      { OFFHOOK_HOME: on.home },
    ].map(innocent);
    await recovered();
    expect(pids.map(isRunning)).toEqual([false, false, false]);
    expect(ofOthers.map(isRunning)).toEqual([true, true, true, true]);
  },
  30_000,
);

onLinux(
  "a timeout ends what left the worker's session and lost its parent",
  async () => {
    const lost = `(setsid sh -c "echo \\$\\$ >> \\"$OFFHOOK_HOME/pids\\"; exec sleep 1000" &)`;
    on.consumer(
      "c",
      `on = ["PostToolUse"]\ntimeout = "1s"\nretry = { max = 0 }\nshell = '''${lost}; exec sleep 1000'''\n`,
    );
    await on.start();
    await on.publish(wrote(on.file("a.py")));
    await until(
      () => pidsIn("pids").length === 1,
      () => "nobody got lost",
    );
    expect(consumerOf(await on.settled(), "c")).toMatchObject({ dead: 1, failed: 1 });
    expect(pidsIn("pids").map(isRunning)).toEqual([false]);
  },
  30_000,
);
