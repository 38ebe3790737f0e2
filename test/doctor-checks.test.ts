// The doctor's judgements alone, where making the facts would need another machine: a disk that fills, a service manager, hours of
// silence, a daemon of another version.
import { describe, expect, test } from "bun:test";
import type { HookEvent } from "../src/claude/hook-events.ts";
import { HOOK_EVENTS } from "../src/claude/hook-events.ts";
import { parseConsumer } from "../src/config/consumer.ts";
import type { Consumer } from "../src/config/schema.ts";
import { type Commands, consumerFindings, programOf } from "../src/doctor/consumer-checks.ts";
import { daemonFindings, ledgerFindings, spoolFindings } from "../src/doctor/daemon-checks.ts";
import { entryProblems } from "../src/doctor/entries.ts";
import type { Finding } from "../src/doctor/finding.ts";
import { homeFindings } from "../src/doctor/home-checks.ts";
import { switchFindings, wantedFindings } from "../src/doctor/hook-checks.ts";
import { findingsOf, partOf } from "../src/doctor/part.ts";
import { type ServiceFacts, serviceFindings } from "../src/doctor/service-checks.ts";
import { patienceFor, sessionFindings } from "../src/doctor/session-checks.ts";
import { OffhookError } from "../src/errors.ts";
import type { GroupState } from "../src/ledger/group-state.ts";

const MIB = 2 ** 20;
const MINUTE_MS = 60_000;
const told = (findings: Finding[]) => findings.map(({ level, check }) => `${level} ${check}`);
const troubles = (findings: Finding[]) => told(findings.filter(({ level }) => level !== "ok"));

const consumer = (toml: string): Consumer => {
  const reading = { name: "lint", path: "/h/lint.toml", label: "lint.toml", userHome: "/u", secrets: {} };
  const loaded = parseConsumer(toml, reading);
  if (loaded.kind === "broken") throw new Error(loaded.errors.join());
  return loaded.consumer;
};

describe("the disk", () => {
  const home = { path: "/h", exists: true, refusal: null, wide: [], network: null, configError: null };
  const of = (freeBytes: number | null) => homeFindings({ ...home, freeBytes });

  test("is well, then a warning, then an error as it fills", () => {
    expect(troubles(of(1024 * MIB))).toEqual([]);
    expect(troubles(of(511 * MIB))).toEqual(["warning disk"]);
    expect(troubles(of(63 * MIB))).toEqual(["error disk"]);
    expect(troubles(of(null))).toEqual([]);
  });

  test("of a network is an error", () => {
    const findings = homeFindings({ ...home, freeBytes: null, network: "the ledger cannot live on NFS" });
    expect(troubles(findings)).toEqual(["error file-system"]);
  });
});

describe("the service", () => {
  const status: ServiceFacts["status"] = {
    installed: true,
    manager: "systemd-user",
    running: true,
    pid: 7,
    since: null,
    enabled: true,
    restarts: 0,
    state: "active (running)",
    file: "/u/offhook.service",
    binary: "/u/bin/offhook",
    path: "/usr/bin",
    lastLog: ["one", "two"],
  };
  const of = (over: Partial<ServiceFacts["status"]>, facts: Partial<ServiceFacts> = {}) =>
    serviceFindings({
      status: { ...status, ...over },
      manager: { kind: "found", manager: "systemd-user" },
      realBinary: "/u/bin/offhook",
      ownBinary: "/u/bin/offhook",
      holderPid: 7,
      ...facts,
    });

  test("that runs, or is not installed at all, is well", () => {
    expect(told(of({}))).toEqual(["ok service"]);
    expect(told(of({ installed: false, running: false }))).toEqual(["ok service"]);
  });

  test("that stands still is an error with its last line, and mends by itself", () => {
    const [finding] = of({ running: false, pid: null, state: "failed (exit-code 78)" }, { holderPid: null });
    expect(finding).toMatchObject({ level: "error", fix: "service" });
    expect(finding?.what).toMatch(/failed \(exit-code 78\); it said: two$/);
    // Nothing is started beside a daemon that holds the home.
    expect(of({ running: false, pid: null })).toMatchObject([{ level: "warning", fix: null }]);
  });

  test("beside another daemon, for another program, or that does not come back, is told", () => {
    expect(troubles(of({}, { holderPid: 8 }))).toEqual(["error service"]);
    expect(troubles(of({}, { realBinary: "/other" }))).toEqual(["warning service-binary"]);
    expect(troubles(of({}, { realBinary: null }))).toEqual(["error service-binary"]);
    expect(troubles(of({ enabled: false }))).toEqual(["warning service-enabled"]);
  });
});

describe("the daemon", () => {
  const state = { pid: 7, version: "1", startedAt: "", consumers: [] };
  const holder = { pid: 7, startedAt: "" };

  test("of another version is a warning, its troubles are errors", () => {
    expect(troubles(daemonFindings({ holder, state }, null, "1"))).toEqual([]);
    expect(troubles(daemonFindings({ holder, state }, null, "2"))).toEqual(["warning daemon-version"]);
    const trouble = { kind: "disk-full" as const, since: "", text: "the disk is full" };
    expect(troubles(daemonFindings({ holder, state: { ...state, trouble } }, null, "1"))).toEqual(["error trouble"]);
  });

  test("that is missing mends by itself only where its own service stands still", () => {
    const fixOf = (service: { running: boolean } | null) =>
      daemonFindings({ holder: null, state: null }, service, "1").map(({ fix }) => fix);
    expect(fixOf(null)).toEqual([null]);
    expect(fixOf({ running: false })).toEqual(["service"]);
    expect(fixOf({ running: true })).toEqual([null]);
  });

  test("that runs while events wait is an error after a minute, but not while it waits for the disk", () => {
    const spool = (oldestMs: number) => ({ waiting: 2, bad: 0, newer: 0, oldestMs });
    expect(troubles(spoolFindings("/h", spool(30_000), { holder, state }))).toEqual([]);
    expect(troubles(spoolFindings("/h", spool(90_000), { holder, state }))).toEqual(["error spool"]);
    const trouble = { kind: "disk-full" as const, since: "", text: "full" };
    expect(troubles(spoolFindings("/h", spool(90_000), { holder, state: { ...state, trouble } }))).toEqual([]);
  });

  test("says of a large ledger that it was not looked through", () => {
    const ledger = { path: "/h/ledger.db", sizeBytes: 900 * MIB, isWhole: false, damage: null, unreadable: null };
    const [finding] = ledgerFindings({ ...ledger, isSuspect: false, groups: [], lastSeq: 1, setAside: [] });
    expect(finding).toMatchObject({
      level: "ok",
      what: expect.stringContaining("too large to be looked through here"),
    });
    const suspect = ledgerFindings({ ...ledger, isSuspect: true, groups: [], lastSeq: 1, setAside: [] });
    expect(troubles(suspect)).toEqual(["error ledger"]);
  });
});

describe("a consumer", () => {
  const commands = (over: Partial<Commands> = {}): Commands => ({
    which: (name, path) => (path.includes("/has") ? `/has/${name}` : null),
    daemonPath: "/has",
    ownPath: "/has",
    platform: "linux",
    ...over,
  });
  const group: GroupState = {
    ...{
      consumer: "lint",
      paused: false,
      waiting: null,
      lag: 0,
      pending: 0,
      held: 0,
      ready: 0,
      running: 0,
      backoff: 0,
    },
    ...{ dead: 0, ok: 0, findings: 0, failed: 0, skipped: 0, oldestMs: null, lastOutcomeMs: null, removedMs: null },
  };
  const state = (one: "active" | "left-out") => ({
    ...{ pid: 7, version: "1", startedAt: "" },
    consumers: [{ name: "lint", state: one, error: null }],
  });
  const of = (toml: string, groups: GroupState[] = [], found = commands(), one: "active" | "left-out" = "active") =>
    consumerFindings({ consumers: [consumer(toml)], broken: [] }, { groups, state: state(one) }, found);
  const RUN = `on = ["Stop"]\nrun = ["ruff"]\n`;

  test("needs its program, and notify needs the desktop's", () => {
    expect(programOf(consumer(RUN), "linux")).toBe("ruff");
    expect(programOf(consumer(`on = ["Stop"]\nbuiltin = "notify"\n`), "linux")).toBe("notify-send");
    expect(programOf(consumer(`on = ["Stop"]\nbuiltin = "notify"\n`), "darwin")).toBe("/usr/bin/osascript");
    expect(programOf(consumer(`on = ["Stop"]\nshell = "x | y"\n`), "linux")).toBeNull();
    expect(programOf(consumer(`on = ["Stop"]\nprojects = ["/p"]\nrun = ["./x"]\n`), "linux")).toBeNull();
  });

  test("whose program is on this shell's PATH alone is told where it is", () => {
    const [finding] = of(RUN, [], commands({ daemonPath: "/usr/bin" }));
    expect(finding).toMatchObject({ level: "error", check: "command" });
    expect(finding?.mend).toContain("/has/ruff");
    expect(troubles(of(RUN))).toEqual([]);
  });

  test("relative entries of the daemon's PATH do not count, as for the daemon itself", () => {
    expect(troubles(of(RUN, [], commands({ daemonPath: ".:has" })))).toEqual(["error command"]);
  });

  test("is late after ten minutes, unless it waits on purpose", () => {
    const waiting = { ...group, lag: 3, oldestMs: 11 * MINUTE_MS };
    expect(troubles(of(RUN, [waiting]))).toEqual(["warning lag"]);
    expect(troubles(of(RUN, [{ ...waiting, oldestMs: 9 * MINUTE_MS }]))).toEqual([]);
    expect(troubles(of(RUN, [{ ...waiting, paused: true }]))).toEqual([]);
    expect(troubles(of(RUN, [{ ...waiting, waiting: "rate" }]))).toEqual([]);
    expect(troubles(of(`${RUN}debounce = "20m"\n`, [waiting]))).toEqual([]);
  });

  test("that the daemon leaves out is told", () => {
    expect(troubles(of(RUN, [], commands(), "left-out"))).toEqual(["warning left-out"]);
  });
});

describe("a session", () => {
  const all = [{ event: "PostToolUse", matcher: null }];
  const now = Date.parse("2026-11-21T12:00:00Z");
  const of = (
    minutes: { changed: number; began?: number; last?: number; waiting?: number; since?: number },
    hooks = all,
  ) => {
    const at = (ago: number | undefined) => (ago === undefined ? null : now - ago * MINUTE_MS);
    const session = {
      session: "s",
      changedMs: at(minutes.changed) ?? 0,
      beganMs: at(minutes.began),
      lastEventMs: at(minutes.last),
    };
    const activity = { sessions: [session], newestWaitingMs: at(minutes.waiting) };
    return sessionFindings(activity, hooks, at(minutes.since), now);
  };

  test("that sends events while it works is well", () => {
    expect(troubles(of({ changed: 1, began: 60, last: 2 }))).toEqual([]);
    expect(troubles(of({ changed: 1, began: 3 }))).toEqual([]);
  });

  test("that works and sends nothing is a warning, with how long", () => {
    const [finding] = of({ changed: 2, began: 90, last: 42 });
    expect(finding).toMatchObject({ level: "warning", check: "silence", fix: null });
    expect(finding?.what).toBe("Claude Code is working (session s, 2 min ago), and no event has come for 42 min");
    expect(of({ changed: 2, began: 90 })[0]?.what).toContain("no event of it has ever come");
  });

  test("is not judged by what no daemon has taken in, by times before the hooks, or by nothing", () => {
    expect(troubles(of({ changed: 2, began: 90, last: 42, waiting: 3 }))).toEqual([]);
    expect(troubles(of({ changed: 2, began: 90, since: 5 }))).toEqual([]);
    expect(troubles(of({ changed: 2 }))).toEqual([]);
    expect(of({ changed: 2, began: 90 }, [])).toEqual([]);
  });

  test("is given more time where few of its steps are hooked", () => {
    const patience = [all, [{ event: "Stop", matcher: null }], [{ event: "PostToolUse", matcher: "Write" }]].map(
      patienceFor,
    );
    expect(patience).toEqual([10, 30, 60].map((minutes) => minutes * MINUTE_MS));
    expect(troubles(of({ changed: 2, began: 90, last: 25 }, [{ event: "Stop", matcher: null }]))).toEqual([]);
  });
});

describe("the hooks", () => {
  const lint = consumer(`on = ["PostModelSwitch"]\nshell = "true"\n`);

  test("that this Claude Code is too old for are told once, with the version that has them", () => {
    const version = { major: 2, minor: 1, patch: 200, text: "2.1.200" };
    const registered = { hooks: [{ event: "Stop", matcher: null }], isNoted: true, isWhole: false };
    const findings = wantedFindings([lint], registered, version);
    expect(troubles(findings)).toEqual(["warning never-sent"]);
    expect(findings[0]?.what).toContain("needs Claude Code 2.1.251, and this is 2.1.200");
  });

  test("are missing without alarm where no consumer needs one", () => {
    const nothing = { hooks: [], isNoted: false, isWhole: true };
    expect(troubles(wantedFindings([], nothing, null))).toEqual(["warning registered"]);
    expect(troubles(wantedFindings([consumer(`on = ["Stop"]\nshell = "true"\n`)], nothing, null))).toEqual([
      "error registered",
    ]);
  });

  test("that a plugin sends too are a warning, that are switched off an error", () => {
    const switches = ["enabledPlugins.offhook@x", "allowManagedHooksOnly"].map((key) => ({
      key,
      file: "/f",
      means: "",
    }));
    expect(told(switchFindings(switches))).toEqual(["warning switches", "error switches"]);
  });

  const entry = (event: string, given: unknown) => ({ hooks: { [event]: [{ hooks: [given] }] } });
  const harms = (tree: unknown) => entryProblems(tree).map(({ harm }) => harm);

  test("of any shape are judged without a throw", () => {
    const values = [null, 1, "x", [], {}, [null], [[]], { hooks: 1 }, { hooks: [{}] }];
    for (const value of values)
      for (const tree of [value, { hooks: value }, { hooks: { Stop: value } }, { hooks: { PreToolUse: [value] } }])
        expect(() => entryProblems(tree)).not.toThrow();
  });

  test("are well in every event with what the contract names, and malformed without", () => {
    const complete = [
      { type: "command", command: "x", args: [], timeout: 0.5 },
      { type: "http", url: "http://x" },
      { type: "mcp_tool", server: "s", tool: "t" },
      { type: "prompt", prompt: "p" },
      { type: "agent", prompt: "p" },
    ];
    for (const { name } of HOOK_EVENTS as readonly HookEvent[])
      for (const given of complete) {
        expect(harms(entry(name, given))).toEqual([]);
        const { type, ...rest } = given;
        expect(harms(entry(name, rest))).toEqual([/^(PreToolUse|PermissionRequest)$/.test(name) ? "file" : "entry"]);
        expect(harms(entry(name, { type }))).toHaveLength(1);
      }
  });

  test("that are guards take the file with them wherever they are misplaced", () => {
    expect(harms({ PreToolUse: [] })).toEqual(["file"]);
    expect(harms({ hooks: [{ event: "PermissionRequest" }] })).toEqual(["file"]);
    expect(harms({ hooks: [{ event: "Stop" }] })).toEqual(["entry"]);
    expect(harms(entry("PreToolUse", { type: "command", command: "x", timeout: 0 }))).toEqual(["file"]);
  });
});

describe("what cannot be looked at", () => {
  test("in time is a warning and keeps nobody waiting", async () => {
    const part = await partOf(5, () => new Promise<never>(() => {}));
    expect(troubles(findingsOf(part, "service", "service", () => []))).toEqual(["warning service"]);
  });

  test("for a reason that a person can mend is an error with what to do", async () => {
    const part = await partOf(1000, () => {
      throw new OffhookError(78, "it is damaged", "remove it");
    });
    expect(findingsOf(part, "hooks", "settings", () => [])).toMatchObject([
      { level: "error", what: "settings could not be looked at: it is damaged", mend: "remove it" },
    ]);
  });
});
