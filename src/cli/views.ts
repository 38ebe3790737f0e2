// How deliveries, attempts and skips look, in tables and in JSON. The JSON shapes are a promise: they change only by addition.
import type { AttemptView, DeliveryView, SkipView } from "../ledger/inspect.ts";
import { duration, oneLine, paint } from "./print.ts";

/** An attempt as `deliveries --json` and `show --json` give it. */
export function attemptJson({ startedMs, ...attempt }: AttemptView) {
  return { ...attempt, startedAt: new Date(startedMs).toISOString() };
}

/** A delivery as `deliveries --json`, `show --json` and `dead-letters --json` give it; `partition`: of the cluster, with its partition; `node`: where it ended. */
export function deliveryJson(
  { attempts, dueMs, ...delivery }: DeliveryView,
  partition: number | null = null,
  node: string | null = null,
) {
  const dueAt = dueMs === null ? null : new Date(dueMs).toISOString();
  const ofCluster = partition === null ? {} : { scope: "cluster", partition, node };
  return { ...delivery, dueAt, attempts: attempts.map(attemptJson), ...ofCluster };
}

export const DELIVERY_HEADER = ["id", "time", "consumer", "state", "tries", "took", "key", "why"];

/** One row of the table of deliveries; what is due is due from `now`. `node`: of the cluster, where it ended. */
export function deliveryCells(delivery: DeliveryView, now: number, node: string | null = null): string[] {
  const last = delivery.attempts.at(-1);
  return [
    oneLine(delivery.id),
    last === undefined ? "" : new Date(last.startedMs).toTimeString().slice(0, 8),
    oneLine(delivery.consumer),
    oneLine(delivery.state),
    String(delivery.attempts.length),
    last?.durationMs == null ? "" : duration(last.durationMs),
    oneLine(delivery.key),
    oneLine([whyOf(delivery, now), node === null ? "" : `on ${node}`].filter(Boolean).join(", ")),
  ];
}

/** Why a delivery is where it is, and when it is due. */
function whyOf({ reason, replay, dueMs }: DeliveryView, now: number): string {
  const due = dueMs === null ? "" : dueMs <= now ? "due now" : `due in ${duration(dueMs - now)}`;
  return [replay ? "replay" : "", reason ?? "", due].filter(Boolean).join(", ");
}

export const SKIP_HEADER = ["seq", "time", "consumer", "reason", "key"];

/** One row of the table of skips. */
export function skipCells(skip: SkipView): string[] {
  return [
    String(skip.seq),
    new Date(skip.atMs).toTimeString().slice(0, 8),
    oneLine(skip.consumer),
    skip.reason,
    oneLine(skip.key),
  ];
}

/** Lines that tell of a dead letter in short; `event` is its last one, null where that is gone. `partition`: as above. */
export function deadLetterLines(
  letter: DeliveryView,
  event: { type: string; subject: string | null } | null,
  now: number,
  partition: number | null = null,
): string[] {
  const last = letter.attempts.at(-1);
  const ended = last === undefined ? null : last.startedMs + (last.durationMs ?? 0);
  const age = ended === null ? "" : `, ${duration(Math.max(0, now - ended))} ago`;
  const tries = letter.attempts.length === 1 ? "1 try" : `${letter.attempts.length} tries`;
  const more = letter.seqs.length > 1 ? ` and ${letter.seqs.length - 1} before it` : "";
  const about = event?.subject == null ? "" : ` on ${oneLine(event.subject)}`;
  const what = event === null ? "is gone" : `${oneLine(event.type)}${about}`;
  return [
    `${paint("bold", oneLine(letter.id))}  ${oneLine(letter.consumer)}${partition === null ? "" : ` (cluster)`}, ${tries}${age}`,
    `  event  ${letter.seqs.at(-1) ?? ""} ${what}${more}`,
    ...(letter.key === event?.subject ? [] : [`  key    ${oneLine(letter.key)}`]),
    `  why    ${oneLine(letter.reason ?? "")}`,
  ];
}

/** Lines that tell of a delivery whole: its state and every attempt with its output, indented. */
export function deliveryLines(delivery: DeliveryView): string[] {
  const head = `${oneLine(`${delivery.id}  ${delivery.consumer}  ${delivery.state}`)}${delivery.reason === null ? "" : `  (${oneLine(delivery.reason)})`}`;
  return [
    head,
    `  key ${oneLine(delivery.key)}, ${seqsText(delivery.seqs)}${delivery.replay ? ", a replay" : ""}`,
    ...delivery.attempts.flatMap(attemptLines),
  ];
}

function seqsText(seqs: readonly number[]): string {
  if (seqs.length <= 20) return `events ${seqs.join(", ")}`;
  return `${seqs.length} events, from ${seqs[0]} to ${seqs.at(-1)}`;
}

function attemptLines(attempt: AttemptView): string[] {
  const end = attempt.exitCode !== null ? `exit ${attempt.exitCode}` : (attempt.signal ?? "");
  const parts = [
    attempt.outcome ?? "running",
    end,
    attempt.reason ?? "",
    attempt.durationMs === null ? "" : duration(attempt.durationMs),
  ];
  return [
    `  attempt ${attempt.number}: ${oneLine(parts.filter(Boolean).join(", "))}`,
    ...outputLines("stdout", attempt.stdout),
    ...outputLines("stderr", attempt.stderr),
  ];
}

function outputLines(name: string, text: string): string[] {
  if (text.trim() === "") return [];
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `    ${name} | ${oneLine(line)}`);
}
