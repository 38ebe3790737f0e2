// How deliveries, attempts and skips look, in tables and in JSON. The JSON shapes are a promise: they change only by addition.
import type { AttemptView, DeliveryView, SkipView } from "../stream/inspect.ts";
import { duration, oneLine } from "./print.ts";

/** An attempt as `deliveries --json` and `show --json` give it. */
export function attemptJson({ startedMs, ...attempt }: AttemptView) {
  return { ...attempt, startedAt: new Date(startedMs).toISOString() };
}

export const DELIVERY_HEADER = ["id", "time", "consumer", "state", "tries", "took", "key", "why"];

/** One row of the table of deliveries. */
export function deliveryCells(delivery: DeliveryView): string[] {
  const last = delivery.attempts.at(-1);
  return [
    delivery.id,
    last === undefined ? "" : new Date(last.startedMs).toTimeString().slice(0, 8),
    delivery.consumer,
    delivery.state,
    String(delivery.attempts.length),
    last?.durationMs == null ? "" : duration(last.durationMs),
    oneLine(delivery.key),
    oneLine(delivery.reason ?? ""),
  ];
}

export const SKIP_HEADER = ["seq", "time", "consumer", "reason", "key"];

/** One row of the table of skips. */
export function skipCells(skip: SkipView): string[] {
  return [
    String(skip.seq),
    new Date(skip.atMs).toTimeString().slice(0, 8),
    skip.consumer,
    skip.reason,
    oneLine(skip.key),
  ];
}

/** Lines that tell of a delivery whole: its state and every attempt with its output, indented. */
export function deliveryLines(delivery: DeliveryView): string[] {
  const head = `${delivery.id}  ${delivery.consumer}  ${delivery.state}${delivery.reason === null ? "" : `  (${oneLine(delivery.reason)})`}`;
  return [
    head,
    `  key ${oneLine(delivery.key)}, events ${delivery.seqs.join(", ")}`,
    ...delivery.attempts.flatMap(attemptLines),
  ];
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
