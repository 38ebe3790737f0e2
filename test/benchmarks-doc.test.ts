// docs/benchmarks.md is what scripts/benchmarks makes: its parts are there, its tables can be read, it names no place of the machine
// it was made on; and the texts by hand stay when the tables are written anew. How fast anything is, is not tested here.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { callsIn } from "../scripts/benchmarks-calls.ts";
import { LAST_STEP, STEPS, WRITE_DOWN } from "../scripts/benchmarks-inside.ts";
import {
  type Lane,
  type Measured,
  pageWith,
  rowsOf,
  SECTIONS,
  type Section,
  sectionOf,
  textsOf,
} from "../scripts/benchmarks-page.ts";
import { PEERS } from "../scripts/benchmarks-peers.ts";
import { ratioOf, timesOf } from "../src/report/statistics.ts";

const ROOT = resolve(import.meta.dir, "..");
const page = readFileSync(join(ROOT, "docs/benchmarks.md"), "utf8");
const firstCells = (section: Section) => rowsOf(sectionOf(page, section)).map(([cell]) => cell);
const NUMBER = /^\d+(\.\d+)?$/;

describe("docs/benchmarks.md", () => {
  test("has every part that is measured, each with a table", () => {
    for (const section of SECTIONS) expect(rowsOf(sectionOf(page, section)).length).toBeGreaterThan(3);
  });

  test("says of which state, day and machine it is, and what is to be doubted", () => {
    const run = new Map(rowsOf(sectionOf(page, "run")).map(([name = "", value = ""]) => [name, value]));
    expect(run.get("commit")).toMatch(/^`[0-9a-f]{7,}`$|^none: with changes that are not committed$|^not known/);
    expect(run.get("date")).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(run.get("machine")).toMatch(/\d+ cores .* kernel /);
    for (const name of ["offhook", "disk", "programs", "network", "load during the run", "doubts"])
      expect(run.get(name) ?? "").not.toBe("");
  });

  test("has publish beside the control, the hooks by hand and at least three of other projects", () => {
    const byHand = ["cat", "null", "publish", "publish, no fsync", "sh: cat >> file", "python3", "node"];
    expect(firstCells("by-hand")).toEqual([...byHand, "curl to a local server", "python3 to a local server"]);
    const peers = firstCells("peers").filter((name) => PEERS.some((peer) => peer.name === name));
    expect(peers).toContain("claude-mem");
    expect(peers.length).toBeGreaterThanOrEqual(3);
    for (const { packages } of PEERS)
      for (const { name, version } of packages) expect(sectionOf(page, "peers")).toContain(`\`${name}@${version}\``);
  });

  test("figures are figures: p50 <= p90 <= p99 <= max, and publish is the one that others are beside", () => {
    for (const section of ["by-hand", "peers", "programs", "disk"] as const) {
      const skipped = section === "peers" ? 2 : 1;
      for (const row of rowsOf(sectionOf(page, section))) {
        const [runs = "", ...times] = row.slice(skipped, skipped + 5);
        expect(runs).toMatch(/^\d+$/);
        expect(times).toHaveLength(4);
        for (const time of times) expect(time).toMatch(NUMBER);
        expect(times.map(Number)).toEqual(times.map(Number).toSorted((a, b) => a - b));
      }
    }
    for (const section of ["by-hand", "peers"] as const)
      for (const row of rowsOf(sectionOf(page, section)))
        expect(row.at(-1)).toMatch(row[0] === "publish" ? /^1$/ : /^[\d.]+ \([\d.]+ to [\d.]+\)$/);
  });

  test("the steps of publish add up to the whole", () => {
    const rows = rowsOf(sectionOf(page, "phases"));
    const names = rows.map(([name]) => name ?? "");
    for (const name of [...STEPS.map(({ step }) => step), LAST_STEP]) expect(names).toContain(name);
    const wholeMs = Number(rows.at(-1)?.[1]);
    const sumMs = rows.slice(0, -1).reduce((sum, row) => sum + Number(row[1]), 0);
    expect(names.at(-1)).toBe("**publish, whole**");
    // Each figure is rounded by itself.
    expect(Math.abs(sumMs - wholeMs)).toBeLessThan(0.2);
  });

  test("names no place and no host of the machine it was made on", () => {
    expect(page).not.toMatch(/\/(work|tmp|root|var\/tmp|home)\//);
    for (const section of SECTIONS) expect(sectionOf(page, section).split(/[^\w.-]+/)).not.toContain(hostname());
  });
});

describe("the places that are timed", () => {
  test("are in the source, each once, in the order in which publish passes them", () => {
    for (const { file, from } of [...STEPS, WRITE_DOWN])
      expect({ file, from, times: readFileSync(join(ROOT, file), "utf8").split(from).length - 1 }).toEqual({
        file,
        from,
        times: 1,
      });
  });

  test("strace's lines become steps; what is not about the event's file does not count", () => {
    const log = [
      '71  100.000000 execve("/opt/offhook", ["offhook"], 0x7 /* 3 vars */) = 0 <0.000171>',
      '71  100.001000 read(3</lib/libc.so.6>, "ELF(2"..., 832) = 832 <0.000011>',
      '71  100.004500 read(0<socket:[7]>, "{\\"a\\":\\"b) = 1 <0.5>\\"}", 65536) = 20 <0.000012>',
      '71  100.005000 write(5</h/spool/tmp/01.71>, "{}"..., 138) = 138 <0.000100>',
      '71  100.005200 write(5</h/spool/tmp/01.71>, "{}"..., 670) = 670 <0.000020>',
      "71  100.005300 fsync(5</h/spool/tmp/01.71>) = 0 <0.002000>",
      '71  100.007400 rename("/h/spool/tmp/01.71", "/h/spool/new/01") = 0 <0.000030>',
      "71  100.007500 fsync(5</h/spool/new>) = 0 <0.001000>",
      "71  100.009000 exit_group(0) = ?",
      "73  100.009500 +++ exited with 0 +++",
      "71  100.010000 +++ exited with 0 +++",
    ].join("\n");
    const rounded = [...callsIn(log)].map(([name, tookMs]) => [name, Number(tookMs.toFixed(3))]);
    expect(rounded).toEqual([
      ["execve until stdin is read", 4.5],
      ["write the file", 0.12],
      ["fsync the file", 2],
      ["rename", 0.03],
      ["fsync the directory", 1],
      ["exit until all its threads are gone", 1],
      ["execve until gone", 10],
    ]);
  });
});

describe("writing the tables anew", () => {
  const texts = Object.fromEntries(SECTIONS.map((section) => [section, `| ${section} |`])) as Record<Section, string>;

  test("replaces what is between the markers and nothing else", () => {
    const written = pageWith(page, texts);
    for (const section of SECTIONS) expect(sectionOf(written, section)).toBe(`| ${section} |`);
    const byHand = (text: string) => text.replace(/(<!-- measured: [a-z-]+ -->)[^]*?(<!-- end -->)/g, "$1$2");
    expect(byHand(written)).toBe(byHand(page));
    expect(pageWith(written, texts)).toBe(written);
  });

  test("a page without a marker, with two of one, or without an end is refused", () => {
    expect(() => pageWith(page.replace("<!-- measured: disk -->", ""), texts)).toThrow('"disk" 0 times');
    expect(() => pageWith(`${page}<!-- measured: disk -->`, texts)).toThrow('"disk" 2 times');
    const endless = page.replace(/(<!-- measured: by-hand -->[^]*?)<!-- end -->/, "$1");
    expect(() => pageWith(endless, texts)).toThrow('"by-hand" has no end');
  });

  test("the tables say what was measured: the commit only of a clean tree, who could not run, and doubts", () => {
    const lane = (name: string, timesMs: number[]): Lane => ({
      name,
      times: timesOf(timesMs),
      beside: ratioOf(timesMs, [7]),
    });
    const measured = {
      commit: { hash: "0123456789ab", isDirty: true },
      date: "2026-11-21",
      offhook: "0.1.0",
      versions: [{ name: "curl", version: "7.88" }],
      machine: {
        name: "a-host",
        platform: "linux x64",
        system: "6.1",
        cpu: "a | b",
        cores: 2,
        memoryBytes: 25e9,
        disk: "ext4",
        isRealDisk: true,
      },
      load: { before: 0.5, busy: 0.4, others: 0.3, stolen: null, samples: [], doubts: ["one", "two"] },
      isQuick: true,
      isCutOff: true,
      tookS: 61,
      eventBytes: 997,
      byHand: { lanes: [lane("cat", [1.4, 1.5]), lane("publish", [7])], missing: [] },
      peers: {
        lanes: [lane("publish", [7]), lane("slow", [343])],
        missing: [{ name: "gone", why: "there is no node here" }],
        about: [{ name: "slow", packages: ["slow@1.2.3"], what: "it thinks.", isWaitedFor: false }],
      },
      inside: {
        phases: [
          { name: "start", ms: 5.25 },
          { name: "exit", ms: 1.75 },
        ],
        wholeMs: timesOf([7]),
        notedMs: timesOf([8]),
        programs: [{ name: "null", times: timesOf([5]), pageFaults: 943.2, cpuMs: 5.04 }],
        traced: null,
        disk: [],
      },
    } satisfies Measured;
    const written = pageWith(page, textsOf(measured));
    expect(sectionOf(written, "run")).not.toContain("0123456789ab");
    expect(sectionOf(written, "run")).not.toContain("a-host");
    expect(sectionOf(written, "run")).toContain("| doubts | one; two |");
    expect(rowsOf(sectionOf(written, "by-hand"))[1]).toEqual(["publish", "1", "7.00", "7.00", "7.00", "7.00", "1"]);
    expect(sectionOf(written, "peers")).toContain("| slow | no: `async` | 1 | 343 | 343 | 343 | 343 | 49 (49 to 49) |");
    expect(sectionOf(written, "peers")).toContain("Not run: gone: there is no node here.");
    expect(rowsOf(sectionOf(written, "phases"))).toEqual([
      ["start", "5.25", "75 %"],
      ["exit", "1.75", "25 %"],
      ["**publish, whole**", "7.00", "100 %"],
    ]);
    expect(rowsOf(sectionOf(written, "programs"))).toEqual([
      ["null", "1", "5.00", "5.00", "5.00", "5.00", "943", "5.04"],
    ]);
    expect(
      sectionOf(pageWith(page, textsOf({ ...measured, commit: { hash: "0123456789ab", isDirty: false } })), "run"),
    ).toContain("| commit | `0123456789ab` |");
  });
});
