// What a plan must know of this machine and this process, put together in one place for the daemon and for `try`.
import { existsSync, statSync } from "node:fs";
import type { PlanContext } from "../attempt/plan.ts";
import type { Secrets } from "../config/secrets.ts";
import { version } from "../version.ts";

export type Place = { home: string; userHome: string; secrets: Secrets };

/** The context of one attempt at a delivery. */
export function planContextOf(
  { home, userHome, secrets }: Place,
  delivery: { id: string; attempt: number; replay: boolean },
): PlanContext {
  return {
    deliveryId: delivery.id,
    attempt: delivery.attempt,
    replay: delivery.replay,
    home,
    userHome,
    environment: process.env,
    secretNames: Object.keys(secrets.values),
    platform: process.platform,
    version,
    exists: existsSync,
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  };
}
