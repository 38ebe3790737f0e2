// Commands that change something do it through the daemon, or by themselves where none runs. Tests of them run both ways.
import { consumerOf } from "./guarded.ts";
import { type Daemon, type Ran, type Running, until } from "./running.ts";

export const WAYS = ["through the daemon", "without a daemon"] as const;
export type Way = (typeof WAYS)[number];

/** Runs commands one way: beside this daemon, or after it has ended. */
export async function inThisWay(way: Way, daemon: Daemon): Promise<void> {
  if (way === "without a daemon" && (await daemon.stop()) !== 0) throw new Error(daemon.output());
}

/** Runs a command, which must go well; gives what it said. */
export async function well(on: Running, args: string[]): Promise<string> {
  const ran: Ran = await on.offhook(args);
  if (ran.exitCode !== 0 || ran.stderr !== "") throw new Error(`${args.join(" ")}: ${JSON.stringify(ran)}`);
  return ran.stdout;
}

/** Waits until a consumer's part of the status has these figures. */
export function untilIts(on: Running, name: string, figures: Record<string, unknown>): Promise<void> {
  let seen: any;
  return until(
    async () => {
      seen = consumerOf(await on.status(), name);
      return Object.entries(figures).every(([key, value]) => seen?.[key] === value);
    },
    () => `${name} is not ${JSON.stringify(figures)}: ${JSON.stringify(seen)}`,
  );
}
