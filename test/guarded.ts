// A scratch home as running.ts makes it, for tests of bad input: no command that is run in it may ever exit 2, which Claude
// Code would read as "block".
import { openRunning, type Running, until } from "./running.ts";

/** Makes a scratch home in which every run is held to that promise. */
export function openGuarded(): Running {
  const on = openRunning();
  const { offhook, start } = on;
  on.offhook = async (args, options) => {
    const ran = await offhook(args, options);
    neverTwo(ran.exitCode, `${args.join(" ")}: ${ran.stderr}`);
    return ran;
  };
  on.start = async (args, env) => {
    const daemon = await start(args, env);
    const stop = async (signal?: NodeJS.Signals) => {
      const exitCode = await daemon.stop(signal);
      neverTwo(exitCode, `consume: ${daemon.output()}`);
      return exitCode;
    };
    return { ...daemon, stop };
  };
  return on;
}

/** Throws for exit code 2. */
export function neverTwo(exitCode: number | null, what: string): void {
  if (exitCode === 2) throw new Error(`exit code 2 from ${what}`);
}

/** One consumer's part of a status. */
export function consumerOf(status: any, name: string): any {
  return status.consumers.find((one: any) => one.name === name);
}

/** Waits until the stream has so many events. */
export function haveArrived(on: Running, count: number): Promise<void> {
  return until(
    async () => (await on.status()).stream.events === count,
    () => `not ${count} events`,
  );
}

/** How often a text is in another. */
export function timesIn(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** What a terminal would obey in a text: control characters other than the newline, and those that turn its direction. */
export function controlCharacters(text: string): string[] {
  return Array.from(text).filter(
    (character) => character !== "\n" && /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(character),
  );
}

/** Whether a process runs; one that only waits for its parent to collect it does not. */
export function isRunning(pid: number): boolean {
  const state = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)])
    .stdout.toString()
    .trim();
  return state !== "" && !state.startsWith("Z");
}
