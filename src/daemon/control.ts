// The daemon's door for commands: HTTP on control.sock in the home, which only its owner can enter.
// Both sides stand in the home, because a socket's path must be short (108 bytes on Linux, 104 on macOS).
import { chmodSync, rmSync } from "node:fs";
import type { ClusterState } from "../cluster/state.ts";
import { EXIT, type ExitCode, messageOf, OffhookError } from "../errors.ts";
import type { Answer, Change } from "./change.ts";
import type { DiskTrouble } from "./disk.ts";
import type { RosterEntry } from "./roster.ts";

const SOCKET = "control.sock";
const ANSWER_TIMEOUT_MS = 1500;
/** A change may go through all that the ledger holds. */
const CHANGE_TIMEOUT_MS = 30 * 60_000;

/** What a daemon says of itself. */
export type DaemonState = {
  pid: number;
  version: string;
  startedAt: string;
  consumers: RosterEntry[];
  /** What keeps the whole daemon from going on; null: nothing. */
  trouble?: DiskTrouble | null;
  /** Files of projects that were refused: they silence nothing. */
  projectFiles?: { path: string; error: string }[];
  /** Consumers that hold back more than the ledger should keep for them, a sentence each. */
  holdingBack?: { consumer: string; text: string }[];
  /** Where it looks for the commands of consumers; absent from an older daemon. */
  path?: string;
  /** Its part in the cluster; absent where it is in none. */
  cluster?: ClusterState;
};

export type ControlRoutes = {
  state(): DaemonState;
  change(change: Change): Promise<Answer<Change>>;
};

/** Serves these routes until `stop`. The process must stand in its home and hold its lock. Error: no room for it (78). */
export function serveControl(routes: ControlRoutes): { stop(): Promise<void> } {
  removeOld();
  const server = Bun.serve({
    unix: SOCKET,
    async fetch(request, server) {
      const route = `${request.method} ${new URL(request.url).pathname}`;
      if (route === "GET /state") return Response.json({ ...routes.state(), path: process.env.PATH ?? "" });
      if (route === "POST /change") {
        server.timeout(request, 0); // It says nothing until it is done.
        return changed(routes, request);
      }
      return Response.json({ error: `no ${route}` }, { status: 404 });
    },
  });
  chmodSync(SOCKET, 0o600);
  return {
    async stop() {
      await server.stop(true);
      rmSync(SOCKET, { force: true });
    },
  };
}

type Refusal = { exitCode: ExitCode; message: string; hint: string | null };

/** A failed change is the answer to who asked for it; what is wrong with the ledger itself meets the daemon's own loops. */
async function changed(routes: ControlRoutes, request: Request): Promise<Response> {
  try {
    return Response.json(await routes.change((await request.json()) as Change));
  } catch (error) {
    const refusal: Refusal =
      error instanceof OffhookError
        ? { exitCode: error.exitCode, message: error.message, hint: error.hint }
        : { exitCode: EXIT.failed, message: messageOf(error), hint: null };
    return Response.json({ refusal }, { status: 422 });
  }
}

/** The lock is ours, so a socket that lies here belongs to a dead daemon. */
function removeOld(): void {
  try {
    rmSync(SOCKET, { force: true });
  } catch (error) {
    throw new OffhookError(
      EXIT.config,
      `${SOCKET} cannot be made in the home: ${messageOf(error)}`,
      "look at what lies in its place, and move it away",
    );
  }
}

/** Asks the daemon of a home; null where none answers in time. */
export async function askDaemon(home: string): Promise<DaemonState | null> {
  try {
    const answer = await fromWithin(home, () =>
      fetch("http://localhost/state", { unix: SOCKET, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }),
    );
    return answer.ok ? ((await answer.json()) as DaemonState) : null;
  } catch {
    return null; // No socket, nobody behind it, or no answer: lock.ts knows whether a daemon is there.
  }
}

/** Asks the daemon of a home, which has this pid, for a change. Errors: as applyChange says; it does not answer (75). */
export async function askForChange<C extends Change>(home: string, pid: number, change: C): Promise<Answer<C>> {
  const silent = (why: string) =>
    new OffhookError(
      EXIT.busy,
      `${home} is held by pid ${pid}, which does not answer${why}`,
      "try again in a moment; if it goes on, look at the output of that offhook consume",
    );
  // A change may take long, so whether anybody listens is asked first.
  if ((await askDaemon(home)) === null) throw silent("");
  let answer: Response;
  try {
    answer = await fromWithin(home, () =>
      fetch("http://localhost/change", {
        unix: SOCKET,
        method: "POST",
        body: JSON.stringify(change),
        signal: AbortSignal.timeout(CHANGE_TIMEOUT_MS),
        timeout: false,
      }),
    );
  } catch (error) {
    throw silent(` any more: ${messageOf(error)}`);
  }
  const said = (await answer.json()) as { refusal?: Refusal };
  if (answer.ok) return said as Answer<C>;
  const { exitCode, message, hint } = said.refusal ?? {
    exitCode: EXIT.busy,
    message: `the daemon of ${home} does not know how to do this: it is of another version`,
    hint: "start it again: end it, then offhook consume",
  };
  throw new OffhookError(exitCode, message, hint);
}

async function fromWithin<T>(home: string, work: () => Promise<T>): Promise<T> {
  const before = whereWeAre();
  try {
    process.chdir(home);
    return await work();
  } finally {
    process.chdir(before);
  }
}

/** The directory that a person stands in may have been removed. */
function whereWeAre(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}
