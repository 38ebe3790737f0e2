// docs/benchmarks.md as text: the tables that are measured stand between markers and are replaced; every other line is by hand and
// stays. Pure. Times in ms.
import type { Interval, Load, Machine, Times } from "../src/report/shape.ts";

/** The measured parts of the page, in its order. */
export const SECTIONS = ["run", "by-hand", "peers", "phases", "programs", "disk"] as const;
export type Section = (typeof SECTIONS)[number];

export type Lane = { name: string; times: Times /** Its median beside that of publish. */; beside: Interval };
/** `missing`: who could not run, and why. */
export type Beside = { lanes: Lane[]; missing: { name: string; why: string }[] };

/** A step of publish: from the end of the one before until its own end; the mean of the middle half of the runs. */
export type Phase = { name: string; ms: number };

export type Inside = {
  phases: Phase[];
  /** publish as it is shipped, and the build that notes the time at each step (less the writing of its notes), in the same race. */
  wholeMs: Times;
  notedMs: Times;
  programs: { name: string; times: Times; pageFaults: number | null; cpuMs: number | null }[];
  /** Calls as strace saw them, and the whole under it; null: there is no strace here. */
  traced: { calls: { name: string; times: Times }[]; whole: Times } | null;
  /** The same calls in a loop in one process. */
  disk: { name: string; times: Times }[];
};

export type Measured = {
  commit: { hash: string; isDirty: boolean } | null;
  date: string;
  offhook: string;
  versions: { name: string; version: string }[];
  machine: Machine;
  load: Load;
  isQuick: boolean;
  isCutOff: boolean;
  tookS: number;
  eventBytes: number;
  byHand: Beside;
  peers: Beside & { about: { name: string; packages: string[]; what: string; isWaitedFor: boolean }[] };
  inside: Inside;
};

const beginOf = (section: Section) => `<!-- measured: ${section} -->`;
const END = "<!-- end -->";

/** Puts the texts given between their markers; all else stays byte for byte. Throws where a marker is not there exactly once. */
export function pageWith(page: string, texts: Readonly<Record<Section, string>>): string {
  return SECTIONS.reduce((text, section) => {
    const { before, after } = around(text, section);
    return `${before}${beginOf(section)}\n${texts[section].trim()}\n${END}${after}`;
  }, page);
}

/** What stands between the markers of a section. Throws as pageWith. */
export function sectionOf(page: string, section: Section): string {
  return around(page, section).between;
}

function around(page: string, section: Section): { before: string; between: string; after: string } {
  const parts = page.split(beginOf(section));
  const [before, rest] = parts;
  if (before === undefined || rest === undefined || parts.length !== 2)
    throw new Error(`the page has the marker of "${section}" ${parts.length - 1} times, not once`);
  const at = rest.indexOf(END);
  const next = rest.indexOf("<!-- measured: ");
  if (at < 0 || (next >= 0 && next < at)) throw new Error(`the part "${section}" has no end`);
  return { before, between: rest.slice(0, at).trim(), after: rest.slice(at + END.length) };
}

/** The rows of the first table in a text: cells by row, without the heading. */
export function rowsOf(text: string): string[][] {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => /^\|[-:| ]+\|$/.test(line));
  if (from < 0) return [];
  const until = lines.findIndex((line, index) => index > from && !line.startsWith("|"));
  return lines.slice(from + 1, until < 0 ? lines.length : until).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

/** The texts of all measured parts. */
export function textsOf(measured: Measured): Record<Section, string> {
  return {
    run: runText(measured),
    "by-hand": besideText(measured.byHand, "publish"),
    peers: peersText(measured.peers),
    phases: phasesText(measured.inside),
    programs: programsText(measured.inside),
    disk: diskText(measured.inside),
  };
}

function runText({
  commit,
  date,
  offhook,
  versions,
  machine,
  load,
  isQuick,
  isCutOff,
  tookS,
  eventBytes,
}: Measured): string {
  const share = (value: number | null) => (value === null ? "not known" : `${Math.round(value * 100)} %`);
  const rows: [string, string][] = [
    ["commit", commitText(commit)],
    ["date", date],
    ["offhook", offhook],
    [
      "machine",
      `${machine.cores} cores (${machine.cpu ?? "processor not known"}), ${Math.round(machine.memoryBytes / 1e9)} GB, ${machine.platform}, kernel ${machine.system}`,
    ],
    ["disk", `${machine.disk ?? "not known"}${machine.isRealDisk ? "" : ", in memory: fsync costs nothing"}`],
    ["programs", versions.map(({ name, version }) => `${name} ${version}`).join(", ")],
    ["event", `${eventBytes} bytes on stdin, a Write as Claude Code sends it, another id each time`],
    [
      "network",
      isCutOff
        ? "none but the loopback interface (a network namespace of its own)"
        : "as it is here; nothing of it is needed",
    ],
    [
      "load during the run",
      `${load.before} in the minute before; of the processors ${share(load.busy)} busy, ${share(load.others)} by other programs, ${share(load.stolen)} taken away below`,
    ],
    ["doubts", load.doubts.length === 0 ? "none" : load.doubts.join("; ")],
    ["run", `${isQuick ? "`--quick`: fewer runs, rougher figures" : "whole"}, ${Math.round(tookS)} s`],
  ];
  return table(["", ""], rows);
}

function commitText(commit: Measured["commit"]): string {
  if (commit === null) return "not known: no git here";
  return commit.isDirty ? "none: with changes that are not committed" : `\`${commit.hash}\``;
}

const FIGURES = ["runs", "p50", "p90", "p99", "max"];
const figures = ({ runs, p50Ms, p90Ms, p99Ms, maxMs }: Times) => [
  String(runs),
  ...[p50Ms, p90Ms, p99Ms, maxMs].map(ms),
];

function besideText({ lanes, missing }: Beside, base: string): string {
  const rows = lanes.map(({ name, times, beside }) => [name, ...figures(times), ratio(beside, name === base)]);
  return [table(["hook, ms", ...FIGURES, `p50 beside ${base} (95 %)`], rows, 1), ...missing.map(notRun)].join("\n\n");
}

function peersText({ lanes, missing, about }: Measured["peers"]): string {
  const waitsOf = new Map(about.map(({ name, isWaitedFor }) => [name, isWaitedFor ? "yes" : "no: `async`"]));
  const rows = lanes.map(({ name, times, beside }) => [
    name,
    waitsOf.get(name) ?? "yes",
    ...figures(times),
    ratio(beside, name === "publish"),
  ]);
  const whats = about.map(
    ({ name, packages, what }) => `- **${name}** (${packages.map((one) => `\`${one}\``).join(", ")}): ${what}`,
  );
  return [
    table(["hook, ms", "the agent waits", ...FIGURES, "p50 beside publish (95 %)"], rows, 2),
    ...missing.map(notRun),
    whats.join("\n"),
  ].join("\n\n");
}

const notRun = ({ name, why }: Beside["missing"][number]) => `Not run: ${name}: ${why}.`;

function phasesText({ phases, wholeMs, notedMs, traced }: Inside): string {
  const sumMs = phases.reduce((sum, phase) => sum + phase.ms, 0);
  const shareOf = (part: number) => `${Math.round((part / sumMs) * 100)} %`;
  const rows = phases.map((phase) => [phase.name, ms(phase.ms), shareOf(phase.ms)]);
  rows.push(["**publish, whole**", ms(sumMs), "100 %"]);
  const check = `In the same race, p50 and p90: this build ${ms(notedMs.p50Ms)} and ${ms(notedMs.p90Ms)}, publish as it is shipped ${ms(wholeMs.p50Ms)} and ${ms(wholeMs.p90Ms)}.`;
  const seen = traced?.calls.map(({ name, times }) => `${name} ${ms(times.p50Ms)}`).join(", ");
  const cross =
    traced === null
      ? "No strace here to look from outside too."
      : `Seen from outside (strace --seccomp-bpf, which stops only at these calls; medians of ${traced.whole.runs} runs, ms): ${seen}. Under it the whole took ${ms(traced.whole.p50Ms)}, so its figures are too high by what it adds to each call.`;
  return [table(["step, ms", "mean", "of the whole"], rows, 1), check, cross].join("\n\n");
}

function programsText({ programs }: Inside): string {
  const whole = (value: number | null) => (value === null ? "" : String(Math.round(value)));
  const rows = programs.map(({ name, times, pageFaults, cpuMs }) => [
    name,
    ...figures(times),
    whole(pageFaults),
    cpuMs === null ? "" : ms(cpuMs),
  ]);
  return table(["program, ms", ...FIGURES, "page faults", "processor"], rows, 1);
}

function diskText({ disk }: Inside): string {
  return table(
    ["call, ms", ...FIGURES],
    disk.map(({ name, times }) => [name, ...figures(times)]),
    1,
  );
}

function ratio({ value, low, high }: Interval, isBase: boolean): string {
  return isBase ? "1" : `${times(value)} (${times(low)} to ${times(high)})`;
}

const times = (value: number) => (value >= 10 ? value.toFixed(0) : value.toFixed(2));
/** Two digits behind the point where they say something. */
const ms = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/** A table of Markdown; columns from `numbersFrom` on are set to the right. */
function table(heads: string[], rows: string[][], numbersFrom = heads.length): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${heads.map((_, index) => (index < numbersFrom ? "---" : "---:")).join("|")}|`;
  return [line(heads), rule, ...rows.map((row) => line(row.map((cell) => cell.replaceAll("|", "\\|"))))].join("\n");
}
