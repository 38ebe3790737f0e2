// What stands between a replica and its primary: it lets everything through, or holds back what the primary sends, as a slow line
// does, and may lose what it holds. A replica that is only frozen has it in its socket, and reads it when it goes on.
import type { Socket } from "bun";

export type Line = {
  /** Where the replica finds its primary. */
  port: number;
  /** From now on nothing of the primary comes through. */
  hold(): void;
  /** Lets through what was held, and all that follows. */
  release(): void;
  /** What was held is lost, and the line with it. Gives how many bytes that was. */
  drop(): number;
};

/** `waiting`: what the socket did not take yet; `early`: what came before there was another side. */
type Side = { other: Socket<Side> | null; waiting: Uint8Array[]; early: Uint8Array[] };

/** Opens a line to a primary on loopback. */
export function openLine(primaryPort: number): Line {
  let isHeld = false;
  let held: { to: Socket<Side>; bytes: Uint8Array }[] = [];
  const sockets = new Set<Socket<Side>>();
  // What a socket does not take at once waits for its drain.
  const pass = (to: Socket<Side>, bytes: Uint8Array) => {
    if (to.data.waiting.length > 0) return void to.data.waiting.push(bytes);
    const written = to.write(bytes);
    if (written < bytes.length) to.data.waiting.push(bytes.slice(Math.max(0, written)));
  };
  const drained = (socket: Socket<Side>) => {
    const waiting = socket.data.waiting.splice(0);
    for (const bytes of waiting) pass(socket, bytes);
  };
  const close = (socket: Socket<Side>) => {
    sockets.delete(socket);
    socket.data.other?.end();
  };
  const server = Bun.listen<Side>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      async open(replica) {
        replica.data = { other: null, waiting: [], early: [] };
        sockets.add(replica);
        const primary = await Bun.connect<Side>({
          hostname: "127.0.0.1",
          port: primaryPort,
          data: { other: replica, waiting: [], early: [] },
          socket: {
            data(_, bytes) {
              if (isHeld) held.push({ to: replica, bytes: bytes.slice() });
              else pass(replica, bytes.slice());
            },
            drain: drained,
            close,
            error: close,
          },
        }).catch(() => null);
        if (primary === null) return void replica.end();
        sockets.add(primary);
        replica.data.other = primary;
        for (const bytes of replica.data.early) pass(primary, bytes);
      },
      data(replica, bytes) {
        const { other, early } = replica.data;
        if (other !== null) pass(other, bytes.slice());
        else early.push(bytes.slice());
      },
      drain: drained,
      close,
      error: close,
    },
  });
  return {
    port: server.port,
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      for (const { to, bytes } of held.splice(0)) pass(to, bytes);
    },
    drop() {
      const bytes = held.reduce((sum, one) => sum + one.bytes.length, 0);
      held = [];
      for (const socket of sockets) socket.terminate();
      server.stop(true);
      return bytes;
    },
  };
}
