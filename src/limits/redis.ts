// A redis-server of the benchmark's own: on loopback, a free port, its data in the scratch directory; and what it can do by itself,
// measured by its own redis-benchmark.
import { createServer } from "node:net";
import { join } from "node:path";
import { RedisClient } from "bun";
import { EXIT, OffhookError } from "../errors.ts";
import type { Scratch } from "../measure/scratch.ts";

export type Redis = {
  url: string;
  /** Sends one command. Errors: the server's. */
  send(command: string, ...words: string[]): Promise<unknown>;
  /** Entries a second that `clients` at once append to a stream, one after the other each, with a value of so many bytes. */
  appends(plan: { entries: number; clients: number; sizeBytes: number }): Promise<number>;
  stop(): Promise<void>;
};

const START_LIMIT_MS = 10_000;
const BENCH_LIMIT_MS = 120_000;

/** Whether this machine has both programs. */
export function hasRedis(): boolean {
  return Bun.which("redis-server") !== null && Bun.which("redis-benchmark") !== null;
}

/** Starts one that writes down what it has, once a second (appendfsync everysec). Errors: it does not answer within 10 s (1). */
export async function startRedis(scratch: Scratch): Promise<Redis> {
  const port = String(await freePort());
  const dir = scratch.makeHome({});
  const options = ["--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "yes"];
  const server = Bun.spawn(["redis-server", ...options, "--logfile", join(dir, "log")], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  scratch.own(server);
  const url = `redis://127.0.0.1:${port}`;
  const client = await connected(url, () => server.exitCode !== null);
  return {
    url,
    send: (command, ...words) => client.send(command, words),
    async appends({ entries, clients, sizeBytes }) {
      const key = "bench:appends";
      const how = ["-n", String(entries), "-c", String(clients), "-P", "1", "--csv"];
      // Not -d: redis-benchmark 7.0.15 puts no data of that size into a command that is given to it.
      const words = ["XADD", key, "*", "e", "x".repeat(sizeBytes)];
      const child = Bun.spawn(["redis-benchmark", "-h", "127.0.0.1", "-p", port, ...how, ...words], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: BENCH_LIMIT_MS,
      });
      scratch.own(child);
      const [csv, said] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      const perSecond = Number(/","([\d.]+)",/.exec(csv.trim().split("\n").at(-1) ?? "")?.[1]);
      if (!(perSecond > 0)) throw new OffhookError(EXIT.failed, `redis-benchmark said nothing of use: ${csv}${said}`);
      if (Number(await client.send("XLEN", [key])) !== entries)
        throw new OffhookError(EXIT.failed, "redis-benchmark did not append what it was asked to");
      await client.send("DEL", [key]);
      return perSecond;
    },
    async stop() {
      client.close();
      server.kill("SIGKILL");
      await server.exited;
    },
  };
}

async function connected(url: string, hasEnded: () => boolean): Promise<RedisClient> {
  for (const endMs = performance.now() + START_LIMIT_MS; ; ) {
    const client = new RedisClient(url, { autoReconnect: false });
    try {
      await client.send("PING", []);
      return client;
    } catch (error) {
      client.close();
      if (hasEnded() || performance.now() > endMs)
        throw new OffhookError(EXIT.failed, `redis-server does not answer on ${url}: ${(error as Error).message}`);
      await Bun.sleep(20);
    }
  }
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.on("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}
