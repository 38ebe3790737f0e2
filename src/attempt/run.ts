// One door over everything that can be tried: whoever starts an attempt knows no kinds.

import { type Attempt, finished, notStarted, resultOf } from "./attempt.ts";
import { appendLog } from "./builtin.ts";
import type { Plan } from "./plan.ts";
import { startRequest } from "./webhook.ts";
import { startWorker, type WorkerOptions } from "./worker.ts";

export type { Attempt } from "./attempt.ts";

/** Starts what a plan says. Never throws: what cannot be started is a result. */
export function startAttempt(plan: Plan, options: WorkerOptions): Attempt {
  switch (plan.kind) {
    case "command":
      return startWorker(plan, options);
    case "request":
      return startRequest(plan);
    case "log":
      return finished(appendLog(plan.path, plan.text));
    case "none":
      return finished(resultOf({ outcome: "ok" }));
    case "gone":
      return notStarted(plan.file === null ? "the events have no file" : `${plan.file}: the file is gone`);
    case "impossible":
      return notStarted(plan.reason);
    default:
      return plan satisfies never;
  }
}
