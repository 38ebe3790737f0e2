// Everything the doctor looks at, gathered in one place and within about ten seconds. Each part has its own deadline; nothing is
// changed, and what is not there keeps nothing else from being looked at.
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { configDirOf } from "../claude/places.ts";
import { type Switch, switchedOff } from "../claude/switches.ts";
import { type ClaudeVersion, claudeVersion } from "../claude/version.ts";
import { whichOutside } from "../claude/which-outside.ts";
import { detect, status } from "../service/service.ts";
import type { SpoolState } from "../spool/collect.ts";
import { homePath } from "../spool/home.ts";
import { type BinaryFacts, lookAtBinary } from "./binary-facts.ts";
import { type ClusterFacts, lookAtCluster } from "./cluster-facts.ts";
import { type ConsumerFacts, type DaemonFacts, lookAtConsumers, lookAtDaemon } from "./daemon-facts.ts";
import { type HomeFacts, lookAtHome } from "./home-facts.ts";
import { type LedgerFacts, lookAtLedger, lookAtSpool } from "./ledger-facts.ts";
import { type Part, partOf, seenOf } from "./part.ts";
import type { ServiceFacts } from "./service-checks.ts";
import { type Activity, lookAtSessions } from "./session-facts.ts";
import { lookAtSettings, projectAt, type SettingsFile } from "./settings-facts.ts";

/** From where the doctor looks. `self`: the file of this program; `now`: wall time in ms since 1970. */
export type Place = {
  env: Record<string, string | undefined>;
  cwd: string;
  userHome: string;
  self: string;
  platform: string;
  now: number;
};

/** Null parts: there is no home to look into. */
export type Facts = {
  home: HomeFacts;
  claude: ClaudeVersion | null;
  settings: Part<SettingsFile[]>;
  switches: Part<Switch[]>;
  binaries: { facts: BinaryFacts; file: SettingsFile }[];
  service: Part<ServiceFacts>;
  inside: Inside | null;
};

/** What is in a home. */
export type Inside = {
  daemon: Part<DaemonFacts>;
  spool: Part<SpoolState>;
  ledger: Part<LedgerFacts>;
  consumers: Part<ConsumerFacts>;
  cluster: Part<ClusterFacts | null>;
  sessions: Part<Activity>;
};

const LIMIT_MS = 4_000;
const MOST_BINARIES = 8;

/** Looks at everything. Errors: there is no place for a home, or for Claude Code's settings (HomeError, 78). */
export async function gatherFacts(place: Place): Promise<Facts> {
  const { env, cwd, userHome, self, now } = place;
  const configDir = configDirOf(env);
  const home = lookAtHome(homePath(env));
  const project = projectAt(cwd, userHome);
  const isUsable = home.exists && home.refusal === null;
  // By itself and first: it holds up everything else of this process, so nothing else may be waiting for its deadline.
  const claude = claudeVersion(whichOutside(project, env.PATH ?? ""));
  const settings = await partOf(LIMIT_MS, () => lookAtSettings(configDir, project, isUsable ? home.path : null));
  const [switches, binaries, inside, service] = await Promise.all([
    partOf(LIMIT_MS, () => switchedOff({ configDir, project })),
    lookAtBinaries(seenOf(settings) ?? [], project, place),
    isUsable ? lookInside(home.path, configDir, userHome, now) : null,
    partOf(LIMIT_MS, status),
  ]);
  const holder = inside === null ? null : (seenOf(inside.daemon)?.holder ?? null);
  return {
    home,
    claude,
    settings,
    switches,
    binaries,
    inside,
    service:
      service.kind === "unseen"
        ? service
        : {
            kind: "seen",
            value: {
              status: service.value,
              manager: detect("user"),
              realBinary: realOf(service.value.binary),
              ownBinary: realOf(self) ?? self,
              holderPid: holder?.pid ?? null,
            },
          },
  };
}

async function lookInside(home: string, configDir: string, userHome: string, now: number): Promise<Inside> {
  // The daemon first: it stands in the home for that, and needs this process to itself.
  const daemon = await partOf(LIMIT_MS, () => lookAtDaemon(home));
  return {
    daemon,
    // The spool before the ledger: what leaves it in between is found there.
    spool: await partOf(LIMIT_MS, () => lookAtSpool(home, now)),
    ledger: await partOf(LIMIT_MS, () => lookAtLedger(home, now)),
    consumers: await partOf(LIMIT_MS, () => lookAtConsumers(home)),
    cluster: await partOf(LIMIT_MS, () => lookAtCluster(home, userHome)),
    sessions: await partOf(LIMIT_MS, () => lookAtSessions(configDir, home, now)),
  };
}

function lookAtBinaries(
  files: readonly SettingsFile[],
  project: string | null,
  { env, self, userHome }: Place,
): Promise<Facts["binaries"]> {
  const named = new Map<string, SettingsFile>();
  const trusted = new Set<string>();
  // As the portable form looks for it.
  const found = whichOutside(null, env.PATH ?? "")("offhook") ?? join(userHome, ".local", "bin", "offhook");
  for (const file of files) {
    for (const hook of file.hooks) {
      const binary = hook.binary ?? found;
      if (!named.has(binary)) named.set(binary, file);
      // What a repository brings along names any program that it likes.
      if (hook.binary === null || file.scope === "user" || file.sinceMs !== null) trusted.add(binary);
    }
  }
  const first = [...named].slice(0, MOST_BINARIES);
  return Promise.all(
    first.map(async ([binary, file]) => ({
      facts: await lookAtBinary(binary, { self, userHome, project, isTrusted: trusted.has(binary) }),
      file,
    })),
  );
}

function realOf(path: string | null): string | null {
  if (path === null) return null;
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
