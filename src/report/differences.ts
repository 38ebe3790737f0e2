// What differs between two reports beside their figures, in sentences: without it a ratio is easily read as offhook's own.
import { countOf, rateText, sizeText } from "./figure-text.ts";
import type { Report } from "./shape.ts";
import { machineText } from "./text-head.ts";

/** A sentence for each thing that is not the same; none where only the figures differ. */
export function differencesOf(a: Report, b: Report): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return ["A and B are the same run"];
  return [
    ...differ("offhook", a.offhook, b.offhook),
    ...differ("Bun", a.bun, b.bun),
    ...differ("machine", a.machine.name, b.machine.name),
    ...differ("hardware", machineText(a.machine), machineText(b.machine)),
    ...differ("system", a.machine.system, b.machine.system),
    ...differ("files", filesOf(a), filesOf(b)),
    ...differ("how thorough it was", a.isQuick ? "quick" : "whole", b.isQuick ? "quick" : "whole"),
    ...both(a.hook, b.hook, (of) => sizeText(of.payloadBytes), "payload of hook"),
    ...commandsOf(a, b),
    ...both(a.delivery, b.delivery, (of) => countOf(of.events, "event"), "delivery"),
    ...both(a.soak, b.soak, (of) => `${rateText(of.wantedPerSecond)} of ${sizeText(of.payloadBytes)}`, "soak"),
    ...both(a.soak, b.soak, (of) => countOf(of.minutes, "minute"), "length of soak"),
    ...both(a.claude, b.claude, (of) => of.version, "Claude Code"),
    ...lossOf("A", a),
    ...lossOf("B", b),
  ];
}

function differ(what: string, a: string, b: string): string[] {
  return a === b ? [] : [`${what} differs: A ${a}; B ${b}`];
}

function both<T>(a: T | null, b: T | null, text: (of: T) => string, what: string): string[] {
  return a === null || b === null ? [] : differ(what, text(a), text(b));
}

function filesOf({ machine }: Report): string {
  return `${machine.disk ?? "not known"}${machine.isRealDisk ? "" : " in memory"}`;
}

/** Lanes of one name that are not one command. */
function commandsOf(a: Report, b: Report): string[] {
  return (a.hook?.lanes ?? []).flatMap((lane) => {
    const other = b.hook?.lanes.find(({ name }) => name === lane.name);
    return other === undefined ? [] : differ(`what runs as ${lane.name}`, lane.what, other.what);
  });
}

/** Rates of a run that lost events say nothing. */
function lossOf(side: string, { publishers, drain, soak }: Report): string[] {
  const counted = [...(publishers ?? []), ...(drain ?? []), ...(soak === null ? [] : [soak])];
  const missing = counted.reduce((sum, one) => sum + one.missing, 0);
  const foreign = counted.reduce((sum, one) => sum + one.foreign, 0);
  return [
    ...(missing > 0 ? [`${side}: ${countOf(missing, "event")} MISSING`] : []),
    ...(foreign > 0 ? [`${side}: ${countOf(foreign, "event")} FOREIGN`] : []),
  ];
}
