// The head of a report as text: the machine, the versions, how busy it was, and whether the figures can be trusted.
import { msText, shareText } from "./figure-text.ts";
import { type Look, painted, wrapped } from "./look.ts";
import type { Machine, Report } from "./shape.ts";

/** On what, when and with what it was measured. */
export function headLines(report: Report, look: Look): string[] {
  const { machine } = report;
  const title = `offhook bench on ${look.oneLine(machine.name)}`;
  const fact = (name: string, text: string) => {
    const [first = "", ...rest] = wrapped(look.oneLine(text), " ".repeat(12), look);
    return [`  ${look.paint("dim", name)}${first.slice(2 + name.length)}`, ...rest];
  };
  return [
    ...painted("bold", title, "", look),
    ...fact("when", `${momentText(report.startedAt)}, took ${msText(report.tookMs)}`),
    ...fact("machine", machineText(machine)),
    ...fact("system", machine.system),
    ...fact("files", diskText(machine)),
    ...fact("versions", `offhook ${report.offhook}, Bun ${report.bun}`),
    ...fact("load", loadText(report)),
  ];
}

/** Whether the figures can be trusted: one line where they can, else loud, with every reason. */
export function trustLines({ load, isQuick }: Report, look: Look): string[] {
  const quick = isQuick ? wrapped("A quick run: few runs, rough figures.", "  ", look) : [];
  if (load.doubts.length === 0) {
    const known = load.others === null ? "nothing was seen that disturbed them" : "little else ran beside them";
    return [...painted("green", `The figures can be trusted: ${known}.`, "  ", look), ...quick];
  }
  return [
    look.paint("red", "  THE FIGURES ARE DOUBTFUL"),
    ...load.doubts.flatMap((doubt) => painted("red", look.oneLine(doubt), "    ", look)),
    ...quick,
  ];
}

/** "AMD EPYC, 2 cores, 7.6 GiB, linux x64". */
export function machineText({ cpu, cores, memoryBytes, platform }: Machine): string {
  const gib = `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`;
  return [cpu, cores === 1 ? "1 core" : `${cores} cores`, gib, platform].filter((part) => part !== null).join(", ");
}

function diskText({ disk, isRealDisk }: Machine): string {
  const name = disk ?? "a file system that is not known";
  return isRealDisk ? name : `${name}, in memory`;
}

function loadText({ load }: Report): string {
  const before = `load average ${load.before.toFixed(2)} before`;
  if (load.busy === null) return `${before}; how busy it was meanwhile is not to be seen here`;
  const others = load.others === null ? [] : [`${shareText(load.others)} by other programs`];
  const stolen = load.stolen === null ? [] : [`${shareText(load.stolen)} taken away by the host`];
  return [`${before}; processor ${shareText(load.busy)} busy meanwhile`, ...others, ...stolen].join(", ");
}

/** "2026-10-14 09:12 UTC"; what is no time is shown as it is. */
export function momentText(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
