// `offhook setup --cluster [URL]`: [cluster] of config.toml, by questions on a terminal or by flags. Connects and says what is unsafe,
// shows what would be written, and writes after a yes. Nothing else of setup is done.
import { homedir } from "node:os";
import { resolve } from "node:path";
import * as prompts from "@clack/prompts";
import { flush, oneLine, paint, print } from "../cli/print.ts";
import { CLUSTER_PASSWORD } from "../config/cluster.ts";
import { redisSettings } from "../config/redis-settings.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { askCluster, askWhatNow, askWhetherClustered } from "../setup/ask-cluster.ts";
import {
  applyCluster,
  type ClusterAround,
  type ClusterPlan,
  isClusterDone,
  lookForCluster,
  planCluster,
  secretsWith,
} from "../setup/cluster-plan.ts";
import { type AskedCluster, type ClusterWish, clusterWishOf } from "../setup/cluster-wish.ts";
import { examineRedis } from "../setup/examine-redis.ts";
import { shortPath, textDiffLines } from "../setup/plan-lines.ts";
import { type ExaminedRedis, examinedLines } from "../setup/redis-look.ts";
import { sayLines } from "../setup/say-lines.ts";
import { askYes, CANCELLED, Cancelled, tell } from "../setup/wizard.ts";

const LIMIT_MS = 5_000;
const NEXT = "A daemon that runs takes it up at its next start: offhook service restart";

type Mode = { dryRun: boolean; json: boolean };

/** By flags. Errors: no address that can be used (64), the server refuses (78: nothing is written then). */
export async function clusterByFlags(asked: AskedCluster, { dryRun, json }: Mode): Promise<number> {
  const around = lookForCluster();
  const wish = clusterWishOf(asked, around);
  const plan = planCluster(around, wish);
  const changed = !isClusterDone(plan);
  const examined = await examine(wish, around);
  const isRefused = examined.kind === "unreached" ? examined.isRefused : examined.findings.some(isRefusal);
  if (!json) {
    sayLines(examinedLines(examined));
    if (changed) print(dryRun ? "This would be written:" : isRefused ? "This is not written:" : "Writing this:");
    sayLines(planLines(plan));
  }
  if (isRefused && !dryRun && !json) throw refusedBy(examined);
  const written = changed && !dryRun && !isRefused ? applyCluster(plan, wish) : [];
  if (json) print(JSON.stringify(jsonOf(plan, examined, { dryRun, changed, written })));
  else if (!changed) print("[cluster] is as it should be: nothing to change.");
  else print(dryRun ? "Nothing was changed." : `Written. ${NEXT}`);
  flush();
  if (isRefused) return EXIT.config;
  return examined.kind === "reached" ? EXIT.ok : EXIT.failed;
}

/** By questions. Error: Cancelled, where nothing is written. */
export async function clusterByQuestions(asked: AskedCluster, { dryRun }: Pick<Mode, "dryRun">): Promise<number> {
  const around = lookForCluster();
  for (let said = asked; ; said = { url: null, ca: null }) {
    const wish = await askCluster(said, around, homedir());
    const examined = await examineVisibly(wish, around);
    for (const line of examinedLines(examined))
      tell(line, /^(unsafe|refused|Redis was not)/.test(line) ? prompts.log.warn : undefined);
    const isUsable = examined.kind === "reached" && !examined.findings.some(isRefusal);
    const next = isUsable ? "write" : await askWhatNow();
    if (next === "again") continue;
    const plan = next === "leave" ? null : planCluster(around, wish);
    if (plan === null || isClusterDone(plan)) {
      prompts.outro(plan === null ? "Nothing was changed." : "[cluster] is as it should be: nothing to change.");
      return EXIT.ok;
    }
    prompts.log.step("This would be written:");
    sayLines([...planLines(plan), ""]);
    if (dryRun || !(await askYes("Write it?", "Yes", "No, change nothing"))) {
      prompts.outro("Nothing was changed.");
      return EXIT.ok;
    }
    applyCluster(plan, wish);
    tell(`Written. ${NEXT}`);
    prompts.outro(isUsable ? "Done. Have a look at any time: offhook status" : "Written, but look at the above.");
    return isUsable ? EXIT.ok : EXIT.failed;
  }
}

/** The command: on a terminal by questions where it may ask. */
export async function setupCluster(
  { url, ca }: AskedCluster,
  { isAsked, ...mode }: Mode & { isAsked: boolean },
): Promise<number> {
  // Typed in some directory; config.toml is read in none.
  const asked = { url, ca: ca === null || ca.startsWith("~/") ? ca : resolve(ca) };
  if (!isAsked) return clusterByFlags(asked, mode);
  prompts.intro(paint("bold", "offhook setup --cluster"));
  try {
    return await clusterByQuestions(asked, mode);
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    prompts.cancel("Nothing was changed.");
    return CANCELLED;
  }
}

/** `--cluster` alone asks for the address: for the parser it has a value, and it is empty. */
export function withClusterValue(argv: readonly string[]): string[] {
  return argv.map((word, at) => {
    const isAlone = argv[at + 1] === undefined || argv[at + 1]?.startsWith("-");
    return word === "--cluster" && isAlone ? "--cluster=" : word;
  });
}

/** Asks, after the rest of setup is written, whether there is a cluster too. Gives the exit code; null for a no. */
export async function clusterAfterSetup(): Promise<number | null> {
  try {
    lookForCluster();
  } catch (error) {
    // What is wrong with config.toml is not to be mended now.
    if (error instanceof OffhookError) return null;
    throw error;
  }
  try {
    return (await askWhetherClustered()) ? await clusterByQuestions({ url: null, ca: null }, { dryRun: false }) : null;
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    return null;
  }
}

function examine(wish: ClusterWish, around: ClusterAround): Promise<ExaminedRedis> {
  const settings = redisSettings(wish.reach, secretsWith(around.secrets, wish), homedir());
  return examineRedis(settings, { prefix: around.present?.prefix ?? "offhook", timeoutMs: LIMIT_MS });
}

async function examineVisibly(wish: ClusterWish, around: ClusterAround): Promise<ExaminedRedis> {
  const spinner = prompts.spinner();
  spinner.start(`Connecting (at most ${LIMIT_MS / 1000} s)`);
  try {
    const examined = await examine(wish, around);
    spinner.stop(examined.kind === "reached" ? "Connected" : "Not connected");
    return examined;
  } catch (error) {
    spinner.stop("Not connected");
    throw error;
  }
}

function isRefusal({ level }: { level: string }): boolean {
  return level === "refused";
}

function refusedBy(examined: ExaminedRedis): OffhookError {
  const first = examined.kind === "reached" ? examined.findings.find(isRefusal) : null;
  return examined.kind === "unreached"
    ? new OffhookError(EXIT.config, `setup: Redis refuses: ${examined.why}`, hintOf(examined.why))
    : new OffhookError(EXIT.config, `setup: ${first?.text ?? "Redis cannot be used"}`, first?.hint ?? "");
}

/** What to do about a refusal, by what it is about. */
function hintOf(why: string): string {
  const what = /certificate/.test(why)
    ? "name the certificate of the authority that signed the server's: --cluster-ca FILE"
    : `the user stands in the address (rediss://USER@HOST:PORT), the password in secrets.env, or else in the environment (${CLUSTER_PASSWORD}=...)`;
  return `${what}. Nothing was changed`;
}

function planLines({ path, before, base, after, secrets }: ClusterPlan): string[] {
  const short = (one: string) => shortPath(one, homedir());
  return [
    ...(secrets.names.length === 0
      ? []
      : [paint("bold", `${short(secrets.path)}: ${secrets.names.join(", ")} (never shown)`)]),
    ...(before === after
      ? []
      : [
          paint("bold", `${short(path)} (${before === null ? "new file, with every key explained, and" : "changed"})`),
          ...textDiffLines(base, after),
        ]),
  ];
}

function jsonOf(
  { path, before, after, secrets }: ClusterPlan,
  examined: ExaminedRedis,
  done: { dryRun: boolean; changed: boolean; written: string[] },
) {
  return {
    dryRun: done.dryRun,
    changed: done.changed,
    config: { path, changed: before !== after, text: after },
    secrets,
    redis:
      examined.kind === "reached"
        ? {
            reached: true,
            at: examined.at,
            server: examined.server,
            skewMs: examined.skewMs,
            findings: examined.findings,
            why: null,
          }
        : { reached: false, at: null, server: null, skewMs: null, findings: [], why: oneLine(examined.why) },
    written: done.written,
  };
}
