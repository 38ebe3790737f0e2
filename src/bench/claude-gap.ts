// The part `claude`: how long the real Claude Code is away for one Write, the tool and its hooks together, as the model on loopback
// sees it. Sessions take turns in random order, so that a slow minute hits all kinds alike; the first Write of each only warms up.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { type Daemon, startDaemon } from "../measure/daemon.ts";
import type { Means } from "../measure/means.ts";
import { shuffled } from "../measure/measure.ts";
import { findPython } from "../measure/python.ts";
import { markOf, type Scratch } from "../measure/scratch.ts";
import { openSyncHook, type SyncHook, WRITTEN } from "../measure/sync-hook.ts";
import { type Api, type Block, gapsMs, type Model, openApi, turnsSpoken } from "../rehearsal/claude-api.ts";
import {
  askVersion,
  claudeArgv,
  claudeEnv,
  claudePath,
  type HookEntry,
  type Hooks,
  makePlace,
  type Place,
  type Played,
  runClaude,
  said,
  writeUserSettings,
} from "../rehearsal/claude-run.ts";
import type { Mine } from "../rehearsal/mine.ts";
import type { Claude } from "../report/shape.ts";
import { differenceOf, timesOf } from "../report/statistics.ts";

export type ClaudePlan = {
  /** As it was named: a path, or a name on PATH. */
  claude: string;
  /** How many Writes of a session count; one more comes before them. */
  writes: number;
  rounds: number;
  /** No new round begins after this many ms; the first is always done whole. */
  limitMs: number;
  /** The hook that calls publish, as setup writes it for this version of Claude Code. */
  publish(version: string): HookEntry;
  /** The user's own hooks; null: not asked for. */
  mine: Mine | null;
  /** More kinds to set beside. */
  beside: readonly Kind[];
  /** Ends every process that has all these "NAME=value" in its environment: what hooks left running. */
  endAll(entries: readonly string[]): Promise<unknown>;
};

/** One kind of session. `env`: beside what every session has. `done`: throws when its hooks did not do their work at so many Writes. */
export type Kind = {
  name: string;
  what: string;
  hooks: Hooks;
  env?: Record<string, string>;
  done?(writes: number): void;
};

/** How much of it: in a whole run, and in a quick one. */
export const CLAUDE = { writes: 6, rounds: 4, limitMs: 90_000 };
export const QUICK_CLAUDE = { writes: 4, rounds: 1, limitMs: 30_000 };

const YOURS = "your hooks";
const ALERT_MS = 300;
const SESSION_LIMIT_MS = 60_000;
/** The user's own hooks may take long. */
const YOURS_LIMIT_MS = 300_000;

/**
 * Plays `rounds` sessions of each kind: no hooks, publish before and after (with a daemon beside), a hook that lints and tells a
 * channel, the user's own. Errors: no program (66); it is no Claude Code, a session does not end as it should, or hooks do not fire (1).
 */
export async function measureClaude(plan: ClaudePlan, means: Means): Promise<Claude> {
  const { scratch } = means;
  const claude = claudePath(plan.claude);
  const version = await askVersion(claude, scratch);
  const tools = { python: findPython(), curl: Bun.which("curl") };
  const sync = openSyncHook(join(scratch.path, "hooks-of-claude"), tools, ALERT_MS);
  const kinds = kindsOf(plan, plan.publish(version), sync);
  const home = scratch.makeHome({ everything: 'on = ["**"]\nbuiltin = "none"\n' });
  const daemon = startDaemon(means.offhook, home, scratch);
  const gaps = kinds.map((): number[] => []);
  const of = plan.rounds * kinds.length;
  let session = 0;
  let rounds = 0;
  try {
    await daemon.ready();
    const endMs = performance.now() + plan.limitMs;
    for (; rounds < plan.rounds && (rounds === 0 || performance.now() < endMs); rounds++) {
      for (const index of shuffled(kinds.length)) {
        const kind = kinds[index] as Kind;
        means.progress({ part: "claude", done: session, of, doing: `Claude Code writes, ${kind.name}` });
        gaps[index]?.push(...(await playSession(kind, { plan, claude, version, home, session: ++session }, scratch)));
        kind.done?.(plan.writes + 1);
      }
    }
    await checkArrived(daemon, rounds * (plan.writes + 1), version);
    means.progress({ part: "claude", done: of, of, doing: "done" });
  } finally {
    await daemon.stop();
    await sync?.end();
    await plan.endAll([markOf(scratch)]);
  }
  const base = gaps[0] ?? [];
  return {
    version,
    writes: plan.writes,
    rounds,
    kinds: kinds.map(({ name, what }, index) => ({
      name,
      what,
      gaps: timesOf(gaps[index] ?? []),
      addedMs: index === 0 ? { value: 0, low: 0, high: 0 } : differenceOf(gaps[index] ?? [], base),
    })),
  };
}

/** The kinds of sessions; the first is what the others are set beside. */
function kindsOf({ mine, beside }: ClaudePlan, publish: HookEntry, sync: SyncHook | null): Kind[] {
  const after = (hook: HookEntry): Hooks => ({ PostToolUse: [{ matcher: "Write", hooks: [hook] }] });
  const kinds: Kind[] = [
    { name: "no hooks", what: "the Write alone", hooks: {} },
    {
      name: "publish",
      what: "offhook publish before and after each Write, a daemon beside it",
      hooks: { PreToolUse: [{ hooks: [publish] }], PostToolUse: [{ hooks: [publish] }] },
    },
    ...beside,
  ];
  if (sync !== null)
    kinds.push({
      name: "lint + alert",
      what: `after each Write: ${sync.what}`,
      // As a line for a shell, which every version takes.
      hooks: after({ type: "command", command: sync.argv.map(quoted).join(" "), timeout: 20 }),
      env: sync.env,
      done: sync.mustHaveTold,
    });
  if (mine !== null && Object.keys(mine.settings).length > 0)
    kinds.push({ name: YOURS, what: mine.what, hooks: mine.settings, env: mine.env });
  return kinds;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

type Session = { plan: ClaudePlan; claude: string; version: string; home: string; session: number };

/** One session; the gaps of its counted Writes in ms. */
async function playSession(kind: Kind, at: Session, scratch: Scratch): Promise<number[]> {
  const { plan, claude, session } = at;
  const { mine } = plan;
  const isYours = kind.name === YOURS && mine !== null;
  const root = join(scratch.path, `claude-${session}`);
  const place: Place = makePlace(root);
  // With hooks of the user's, every kind stands in the copy: the size of a project has its own price.
  if (mine !== null) place.project = mine.project;
  if (isYours) place.home = mine.home;
  writeUserSettings(place, { hooks: kind.hooks });
  const { directory, extension, content } = isYours
    ? mine.sample
    : { directory: place.project, extension: ".py", content: WRITTEN };
  const paths = Array.from({ length: plan.writes + 1 }, (_, write) =>
    join(directory, `offhook_bench_${session}_${write}${extension}`),
  );
  const api = openApi(writer(paths, content));
  try {
    const [name = "", value = ""] = markOf(scratch).split("=", 2);
    const env = {
      ...scratch.envOf(at.home),
      [name]: value,
      ...kind.env,
      ...claudeEnv(place, api.url),
    };
    const limitMs = isYours ? YOURS_LIMIT_MS : SESSION_LIMIT_MS;
    const played = await runClaude(claudeArgv(claude, ["Write"]), place.project, env, limitMs, scratch);
    check(played, api, paths, kind, at);
    return gapsMs(api.requests).slice(1);
  } finally {
    await api.close();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    for (const path of paths) rmSync(path, { force: true });
  }
}

/** A model that calls one Write a turn. */
function writer(paths: readonly string[], content: string): Model {
  return (messages) => {
    const turn = turnsSpoken(messages);
    const path = paths[turn];
    const id = `toolu_offhook_${String(turn + 1).padStart(4, "0")}`;
    const blocks: Block[] =
      path === undefined
        ? [{ type: "text", text: "All done." }]
        : [{ type: "tool_use", id, name: "Write", input: { file_path: path, content } }];
    return { conversation: "main", turn, blocks };
  };
}

/** Did it do its work: every turn asked for once, in order, and the files written. Errors: no (1). */
function check(played: Played, { requests }: Api, paths: readonly string[], kind: Kind, at: Session): void {
  const fail = (what: string) =>
    new OffhookError(
      EXIT.failed,
      `Claude Code ${at.version} with ${kind.name}: ${what} (${played.why})${said(played)}`,
      "it may be older or newer than what this offhook knows: 2.1.329 was tried",
    );
  if (!played.isDone) throw fail("the session did not end as it should");
  if (requests.length === 0) throw fail("it never asked the model on loopback");
  const turns = requests.map(({ turn }) => turn).join(" ");
  if (turns !== Array.from({ length: paths.length + 1 }, (_, turn) => turn).join(" "))
    throw fail(`it asked for the turns ${turns}, not for each of ${paths.length + 1} once`);
  const missing = paths.filter((path) => !existsSync(path));
  if (missing.length === 0) return;
  const refusal = kind.name === YOURS ? ", so a hook refuses them or takes them away" : "";
  throw fail(`${missing.length} of ${paths.length} files were not written${refusal}: ${lastResultOf(requests)}`);
}

/** What the tool of the last turn answered. */
function lastResultOf(requests: Api["requests"]): string {
  return JSON.stringify(requests.at(-1)?.messages.at(-1)?.content ?? null).slice(0, 300);
}

/** Publish was called before and after each Write, or its gap says nothing. */
async function checkArrived(daemon: Daemon, writes: number, version: string): Promise<void> {
  const wanted = 2 * writes;
  let arrived = 0;
  const isThere = async () => {
    arrived = (await daemon.status()).stream.events;
    return arrived >= wanted;
  };
  if (await daemon.within(10_000, 100, isThere)) return;
  throw new OffhookError(
    EXIT.failed,
    `Claude Code ${version} was to call publish ${wanted} times, and ${arrived} events arrived: hooks do not fire as they should`,
    "settings of the organisation may forbid hooks: offhook doctor",
  );
}
