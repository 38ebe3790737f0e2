// `offhook cluster ping`: each address of [cluster] by itself: is it there, is it the primary, how far away, and what is wrong with it.
import { homedir } from "node:os";
import { oneLine, paint, print } from "../cli/print.ts";
import { redisSettings } from "../config/redis-settings.ts";
import { loadSecrets } from "../config/secrets.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { type Connection, connectOnce, type RedisSettings } from "../redis/connection.ts";
import type { ServerFinding } from "../redis/server-check.ts";
import { RedisTrouble } from "../redis/trouble.ts";
import { examineRedis, skewFinding } from "../setup/examine-redis.ts";
import type { ClusterHome } from "./in-cluster.ts";

const TIMEOUT_MS = 3_000;
const ROUNDS = 9;

/** An address as it was found; `roundTripMs`: the median of some. `trouble`: why it is not used; null: it is the primary. */
type Pinged = {
  address: string;
  role: "primary" | "replica" | null;
  server: string | null;
  roundTripMs: number | null;
  trouble: string | null;
  findings: ServerFinding[];
};

/**
 * Asks all addresses at once. Gives 0 where a primary answers and is well, 1 where it is unsafe; without one 78 where one refuses, 75
 * where there are only replicas, 69 where nobody answers. Errors: [cluster] names a secret or a file that is not there (78).
 */
export async function ping({ home, cluster }: ClusterHome, json: boolean): Promise<ExitCode> {
  const settings = redisSettings(cluster, loadSecrets(home).values, homedir());
  const kinds = new Set<RedisTrouble["kind"]>();
  const all = await Promise.all(
    cluster.urls.map((url) => pingOne(url, { ...settings, urls: [url] }, cluster.prefix, kinds)),
  );
  if (json) print(JSON.stringify({ addresses: all }));
  else for (const line of all.flatMap(linesOf)) print(line);

  const levels = new Set(all.flatMap((one) => one.findings.map((finding) => finding.level)));
  if (levels.has("refused")) return EXIT.config;
  if (all.some((one) => one.role === "primary")) return levels.has("unsafe") ? EXIT.failed : EXIT.ok;
  if (kinds.has("refused")) return EXIT.config;
  return kinds.has("not-primary") || kinds.has("full") ? EXIT.busy : EXIT.noDaemon;
}

async function pingOne(
  address: string,
  settings: RedisSettings,
  prefix: string,
  kinds: Set<RedisTrouble["kind"]>,
): Promise<Pinged> {
  const nothing: Pinged = { address, role: null, server: null, roundTripMs: null, trouble: null, findings: [] };
  let connection: Connection | null = null;
  try {
    connection = await connectOnce(settings, { timeoutMs: TIMEOUT_MS });
    const roundTripMs = await roundTrip(connection);
    const examined = await examineRedis(settings, { prefix, timeoutMs: TIMEOUT_MS });
    if (examined.kind === "unreached") return { ...nothing, trouble: examined.why };
    const { server, findings, skewMs } = examined;
    const skew = skewFinding(skewMs);
    return {
      ...nothing,
      role: "primary",
      server,
      roundTripMs,
      findings: skew === null ? findings : [...findings, skew],
    };
  } catch (error) {
    if (!(error instanceof RedisTrouble)) throw error;
    kinds.add(error.kind);
    const isReplica = error.kind === "not-primary";
    return { ...nothing, role: isReplica ? "replica" : null, trouble: error.message };
  } finally {
    connection?.close();
  }
}

/** In ms. TIME: whoever may be a node may ask for it. */
async function roundTrip(connection: Connection): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    await connection.send("TIME", [], { timeoutMs: TIMEOUT_MS });
    rounds.push(performance.now() - began);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

function linesOf({ address, role, server, roundTripMs, trouble, findings }: Pinged): string[] {
  const head = paint("bold", address);
  if (trouble !== null)
    return [`${head}  ${role === "replica" ? "replica" : paint("red", "not reached")}`, `  ${oneLine(trouble)}`];
  return [
    `${head}  ${paint("green", "primary")}, ${server}, ${(roundTripMs ?? 0).toFixed(2)} ms there and back`,
    ...findings.flatMap(({ level, text, hint }) => [`  ${level}: ${oneLine(text)}`, `    ${oneLine(hint)}`]),
  ];
}
