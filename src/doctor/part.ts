// One part of what is looked at, with its deadline: what cannot be seen, or not in time, is said and keeps nothing else from being
// looked at.
import { messageOf, OffhookError } from "../errors.ts";
import { doubtful, type Finding, type Group, wrong } from "./finding.ts";

/** `hint`: what to do about it, where the trouble is one that a person can mend; null: it may be over the next time. */
export type Part<T> = { kind: "seen"; value: T } | { kind: "unseen"; why: string; hint: string | null };

/** What `look` gives, within `limitMs`; its errors become a part that was not seen. Never throws. */
export async function partOf<T>(limitMs: number, look: () => T | Promise<T>): Promise<Part<T>> {
  let timer: Timer | null = null;
  const late = new Promise<Part<T>>((resolve) => {
    timer = setTimeout(
      () => resolve({ kind: "unseen", why: `no answer within ${limitMs / 1000} s`, hint: null }),
      limitMs,
    );
  });
  try {
    const seen = (async (): Promise<Part<T>> => ({ kind: "seen", value: await look() }))();
    return await Promise.race([seen, late]);
  } catch (error) {
    return { kind: "unseen", why: messageOf(error), hint: error instanceof OffhookError ? error.hint : null };
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}

/** The value of a part that was seen; null for any other. */
export function seenOf<T>(part: Part<T>): T | null {
  return part.kind === "seen" ? part.value : null;
}

/** The findings about a part; of one that was not seen: an error where a person can mend that, else a warning. */
export function findingsOf<T>(part: Part<T>, group: Group, check: string, judge: (value: T) => Finding[]): Finding[] {
  if (part.kind === "seen") return judge(part.value);
  const what = `${check} could not be looked at: ${part.why}`;
  return part.hint === null
    ? [doubtful(group, check, what, { mend: "look again; if it goes on, see the system's log" })]
    : [wrong(group, check, what, { mend: part.hint })];
}
