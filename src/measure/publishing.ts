// Publishes at a steady rate: the n-th begins at its moment, whether those before it have ended or not, up to a bound. A publish that
// fails ends nothing; it is counted.
import type { Payloads } from "./payload.ts";
import { type Program, runOnce } from "./run.ts";
import type { Scratch } from "./scratch.ts";

export type PublishingPlan = { perSecond: number; payloads: Payloads; program: Program; scratch: Scratch };

/** What has ended so far; events by their tool_use_id. It grows while it runs. */
export type Publishing = {
  acknowledged: string[];
  /** In ms, those that were acknowledged, in the order in which they ended. */
  timesMs: number[];
  refused: string[];
  firstRefusal: string | null;
  /** Begins no more, and waits for those under way. */
  stop(): Promise<void>;
};

/** So many at once, and then it falls behind. */
const MOST_AT_ONCE = 64;
/** How long it takes at most to see that it is to stop. */
const STEP_MS = 50;

/** Begins, with the first publish at once: there is one, however soon it is stopped. */
export function startPublishing({ perSecond, payloads, program, scratch }: PublishingPlan): Publishing {
  const beganMs = performance.now();
  const underWay = new Set<Promise<void>>();
  let isStopped = false;

  const publish = async (number: number) => {
    const stdin = payloads(number);
    const id: string = JSON.parse(stdin).tool_use_id;
    const { tookMs, end, said } = await runOnce(program, Buffer.from(stdin), { scratch });
    if (end === 0) {
      publishing.acknowledged.push(id);
      publishing.timesMs.push(tookMs);
    } else {
      publishing.refused.push(id);
      publishing.firstRefusal ??= `${end ?? "not started"}: ${said}`;
    }
  };
  const run = async () => {
    for (let number = 0; number === 0 || !isStopped; ) {
      const waitMs = beganMs + (number * 1000) / perSecond - performance.now();
      if (waitMs > 0) await Bun.sleep(Math.min(waitMs, STEP_MS));
      else if (underWay.size >= MOST_AT_ONCE) await Promise.race(underWay);
      else {
        const one = publish(number++).finally(() => underWay.delete(one));
        underWay.add(one);
      }
    }
    await Promise.all(underWay);
  };

  const publishing: Publishing = {
    acknowledged: [],
    timesMs: [],
    refused: [],
    firstRefusal: null,
    async stop() {
      isStopped = true;
      await running;
    },
  };
  const running = run();
  return publishing;
}
