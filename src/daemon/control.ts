// The daemon's door for commands: HTTP on control.sock in the home, which only its owner can enter.
// Both sides stand in the home, because a socket's path must be short (108 bytes on Linux, 104 on macOS).
import { chmodSync, rmSync } from "node:fs";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { RosterEntry } from "./roster.ts";

const SOCKET = "control.sock";
const ANSWER_TIMEOUT_MS = 1500;

/** What a daemon says of itself. */
export type DaemonState = { pid: number; version: string; startedAt: string; consumers: RosterEntry[] };

/** Serves `state` and `reload` until `stop`. The process must stand in its home and hold its lock. Error: no room for it (78). */
export function serveControl(routes: { state(): DaemonState; reload(): void }): { stop(): Promise<void> } {
  removeOld();
  const server = Bun.serve({
    unix: SOCKET,
    fetch(request) {
      const route = `${request.method} ${new URL(request.url).pathname}`;
      if (route === "GET /state") return Response.json(routes.state());
      if (route === "POST /reload") {
        routes.reload();
        return Response.json({});
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
  const before = process.cwd();
  try {
    process.chdir(home);
    const answer = await fetch("http://localhost/state", {
      unix: SOCKET,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    return answer.ok ? ((await answer.json()) as DaemonState) : null;
  } catch {
    return null; // No socket, nobody behind it, or no answer: lock.ts knows whether a daemon is there.
  } finally {
    process.chdir(before);
  }
}
