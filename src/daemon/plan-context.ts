// What a plan must know of this machine and this process, put together in one place for the daemon and for `try`.
import { existsSync } from "node:fs";
import type { PlanContext } from "../attempt/plan.ts";
import type { Secrets } from "../config/secrets.ts";
import { knownSecrets } from "../redact/known.ts";
import { makeRedact, type Redact } from "../redact/redact.ts";
import { version } from "../version.ts";

export type Place = {
  home: string;
  userHome: string;
  secrets: Secrets;
  /** This process's own; the daemon's is frozen, so that it is looked through once (worker-env.ts). */
  environment: Readonly<Record<string, string | undefined>>;
  /** Of config.toml: the user's patterns of what must not leave this machine. */
  patterns: readonly string[];
};

/** The context of one attempt at a delivery. */
export function planContextOf(place: Place, delivery: { id: string; attempt: number; replay: boolean }): PlanContext {
  const { home, userHome, secrets, environment } = place;
  return {
    deliveryId: delivery.id,
    attempt: delivery.attempt,
    replay: delivery.replay,
    home,
    userHome,
    environment,
    secretNames: Object.keys(secrets.values),
    platform: process.platform,
    version,
    exists: existsSync,
    // With a slash behind it nothing but a directory is found; asked for each attempt, and access(2) costs a fifth of stat(2) here.
    isDirectory: (path) => existsSync(`${path}/`),
    redact: (text) => redactionOf(place)(text),
  };
}

const redactions = new WeakMap<Secrets, Redact>();

/** What leaves this machine goes through this. Made at the first text that does, and anew when secrets.env was read again. */
export function redactionOf({ secrets, environment, patterns }: Omit<Place, "home" | "userHome">): Redact {
  const made =
    redactions.get(secrets) ?? makeRedact({ patterns, secretValues: knownSecrets(secrets.values, environment) });
  redactions.set(secrets, made);
  return made;
}
