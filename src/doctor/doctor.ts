// The room's door: looks at an installation and says what is well, what is not, and how to mend it. Composition only: facts.ts looks,
// the files of checks judge, fix.ts mends.
import { version } from "../version.ts";
import { binaryFindings } from "./binary-checks.ts";
import { clusterFindings } from "./cluster-checks.ts";
import { type Commands, consumerFindings } from "./consumer-checks.ts";
import { daemonFindings, ledgerFindings, spoolFindings } from "./daemon-checks.ts";
import { type Facts, gatherFacts, type Inside, type Place } from "./facts.ts";
import { type Finding, GROUPS } from "./finding.ts";
import { mend } from "./fix.ts";
import { homeFindings } from "./home-checks.ts";
import { claudeFindings, doubleFindings, switchFindings, wantedFindings } from "./hook-checks.ts";
import { findingsOf, seenOf } from "./part.ts";
import { serviceFindings } from "./service-checks.ts";
import { sessionFindings } from "./session-checks.ts";
import { settingsFindings } from "./settings-checks.ts";

export type { Place } from "./facts.ts";
export { type Finding, GROUPS, type Group } from "./finding.ts";

/** `fixed`: what was done, a sentence each; empty where nothing was asked for or to do. */
export type Examined = { home: string; findings: Finding[]; fixed: string[] };

/** Looks at everything; with `fix` mends what is safe and looks again. Errors: as gatherFacts. */
export async function examine(place: Place, { fix }: { fix: boolean }): Promise<Examined> {
  const facts = await gatherFacts(place);
  const findings = judge(facts, place);
  const fixed = fix ? await mend(findings, facts) : [];
  if (fixed.length === 0) return { home: facts.home.path, findings, fixed };
  return { home: facts.home.path, findings: judge(await gatherFacts({ ...place, now: Date.now() }), place), fixed };
}

/** All findings about these facts, by group. */
function judge(facts: Facts, place: Place): Finding[] {
  const { claude, settings, switches, binaries, home, service, inside } = facts;
  const files = seenOf(settings) ?? [];
  const consumers = inside === null ? null : seenOf(inside.consumers);
  // Of half a picture nothing is said.
  const isRead = settings.kind === "seen" && files.every(({ trouble }) => trouble === null);
  const isWhole = isRead && (inside === null || inside.consumers.kind === "seen");
  const registered = {
    hooks: files.flatMap((file) => file.hooks),
    isNoted: files.some(({ sinceMs }) => sinceMs !== null),
    isWhole: (consumers?.broken ?? []).length === 0,
  };
  const findings = [
    ...claudeFindings(claude),
    ...findingsOf(settings, "hooks", "settings", (all) => all.flatMap((file) => settingsFindings(file, claude))),
    ...findingsOf(switches, "hooks", "switches", switchFindings),
    ...(isWhole ? wantedFindings(consumers?.consumers ?? [], registered, claude) : []),
    ...doubleFindings(files),
    ...binaries.flatMap(({ facts: binary, file }) => binaryFindings(binary, file, version, place.self)),
    ...homeFindings(home),
    ...(inside === null ? [] : insideFindings(facts, inside, place)),
    ...findingsOf(service, "service", "service", serviceFindings),
  ];
  return GROUPS.flatMap((group) => findings.filter((finding) => finding.group === group));
}

function insideFindings({ settings, service, home }: Facts, inside: Inside, place: Place): Finding[] {
  const daemon = seenOf(inside.daemon);
  const state = daemon?.state ?? null;
  const groups = seenOf(inside.ledger)?.groups ?? [];
  const status = seenOf(service)?.status ?? null;
  const installed = status?.installed === true ? { running: status.running } : null;
  const files = seenOf(settings) ?? [];
  const hooks = files.flatMap((file) => file.hooks).map(({ event, matcher }) => ({ event, matcher }));
  const since = files.flatMap(({ sinceMs }) => (sinceMs === null ? [] : [sinceMs]));
  const commands: Commands = {
    which: (name, PATH) => Bun.which(name, { PATH }),
    daemonPath: state?.path ?? null,
    ownPath: place.env.PATH ?? "",
    platform: place.platform,
  };
  return [
    ...findingsOf(inside.daemon, "daemon", "daemon", (facts) => daemonFindings(facts, installed, version)),
    ...findingsOf(inside.spool, "daemon", "spool", (spool) => spoolFindings(home.path, spool, daemon)),
    ...findingsOf(inside.ledger, "daemon", "ledger", ledgerFindings),
    ...findingsOf(inside.cluster, "cluster", "cluster", (facts) =>
      facts === null ? [] : clusterFindings(facts, state, `${home.path}/config.toml`),
    ),
    ...findingsOf(inside.consumers, "consumers", "consumers", (facts) =>
      consumerFindings(facts, { groups, state }, commands),
    ),
    ...findingsOf(inside.sessions, "sessions", "sessions", (activity) =>
      sessionFindings(activity, hooks, since.length === 0 ? null : Math.min(...since), place.now),
    ),
  ];
}
