// What an uninstall would take away: hooks, the service, the binary, and with --purge the home. Only looks; remove.ts does it.
import { accessSync, constants, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { originalOf } from "../claude/backups.ts";
import { targetOf } from "../claude/link.ts";
import { without } from "../claude/merge.ts";
import { configDirOf, SCOPES, settingsPath } from "../claude/places.ts";
import { knownSettings } from "../claude/record.ts";
import { registeredHooks } from "../claude/registered.ts";
import { readSettings, settingsText, untouched } from "../claude/settings-file.ts";
import { LARGEST_SETTINGS_BYTES } from "../claude/settings-text.ts";
import { bytesUpTo } from "../claude/whole-file.ts";
import { homeForLooking, wantedHome } from "../config/paths.ts";
import { lockHolder } from "../daemon/lock.ts";
import { gather } from "../daemon/status.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { leaving } from "../service/service.ts";
import { ownBinary, repositoryOf } from "../system/own-binary.ts";
import { projectHere } from "./project-here.ts";
import { serviceHere } from "./service-here.ts";

/** A settings file with hooks of ours; `after` null: we made it, and it goes. */
export type SettingsRemoval = { path: string; before: string; after: string | null; events: string[] };

/** A project's settings with hooks that nobody noted here, and that do nothing without offhook: a colleague committed them. */
export type SettingsKept = { path: string; events: string[] };

/** What has not been done yet: events in the spool, and by consumer those to decide on, deliveries to make, dead letters. */
export type Unsettled = { spool: number; consumers: { name: string; lag: number; pending: number; dead: number }[] };

/** `why`: it stays, because. */
export type BinaryRemoval = { path: string; why: string | null };

export type RemovalPlan = {
  home: string;
  isHomeThere: boolean;
  purge: boolean;
  settings: SettingsRemoval[];
  kept: SettingsKept[];
  /** Noted files without any hook of ours: there is nothing to do but to forget them. */
  forgotten: string[];
  service: { manager: string; removed: string[]; commands: string[][] } | null;
  binary: BinaryRemoval;
  unsettled: Unsettled;
  /** The pid of an offhook consume that is no service's. */
  foregroundPid: number | null;
};

/** Plans an uninstall. Errors: a settings file that hooks cannot be taken out of (77, 78), a daemon of no service in a home that is to go (75). */
export async function planRemoval({ purge }: { purge: boolean }): Promise<RemovalPlan> {
  const home = homeForLooking();
  const path = home ?? wantedHome();
  const noted = home === null ? [] : knownSettings(home).map((one) => one.path);
  const kept = settingsKept(noted);
  const paths = [...new Set([...noted, ...usualPaths()])].filter((one) => !kept.some((other) => other.path === one));
  const settings = paths.flatMap((one) => (mayHoldOurs(one, noted) ? (settingsRemoval(one, path) ?? []) : []));
  const service = await serviceHere(path);
  const leaves = service.installed ? await leaving() : null;
  const holder = home === null ? null : lockHolder(home);
  const isForeground = holder !== null && holder.command === undefined && holder.pid !== service.pid;
  if (purge && isForeground)
    throw new OffhookError(
      EXIT.busy,
      `an offhook consume (pid ${holder.pid}) runs in the home that is to go`,
      `end it first: kill ${holder.pid}`,
    );
  return {
    home: path,
    isHomeThere: home !== null,
    purge,
    settings,
    kept,
    forgotten: noted.filter((one) => !settings.some((other) => other.path === one)),
    service: leaves === null ? null : { manager: service.manager ?? "", ...leaves },
    binary: binaryRemoval(settings.flatMap((one) => registeredHooks(one.path).hooks.map(({ binary }) => binary))),
    unsettled: await unsettledIn(home, path),
    foregroundPid: isForeground ? holder.pid : null,
  };
}

/** Whether an uninstall would find nothing to do. Pure. */
export function removesNothing({ settings, forgotten, service, binary, purge, isHomeThere }: RemovalPlan): boolean {
  const count = settings.length + forgotten.length;
  return count === 0 && service === null && binary.why !== null && !(purge && isHomeThere);
}

/** Also those that nobody noted: hooks that an older version or a person wrote, of the user and of the project here. */
function usualPaths(): string[] {
  const configDir = configDirOf(process.env);
  const project = projectHere(null);
  return SCOPES.filter((scope) => scope === "user" || project !== null).map((scope) =>
    settingsPath(scope, { configDir, project }),
  );
}

/** The committed settings of the project here, unless a file that hooks are taken out of anyway is the same. */
function settingsKept(noted: readonly string[]): SettingsKept[] {
  const configDir = configDirOf(process.env);
  const project = projectHere(null);
  if (project === null) return [];
  const path = settingsPath("project", { configDir, project });
  const own = [...noted, ...(["user", "local"] as const).map((scope) => settingsPath(scope, { configDir, project }))];
  const { hooks } = registeredHooks(path);
  if (own.some((one) => realPath(one) === realPath(path))) return [];
  // One that names this program would fail without it, at whoever it was committed for.
  const isPortable = hooks.every(({ binary, command }) => binary === null && command.includes("command -v "));
  return hooks.length > 0 && isPortable ? [{ path, events: hooks.map(({ event }) => event) }] : [];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** False where a file cannot be read, and nothing says that anything of ours is in it: a repository that we stand in is no obstacle. */
function mayHoldOurs(path: string, noted: readonly string[]): boolean {
  const read = readSettings(path);
  switch (read.kind) {
    case "ok":
      return true;
    case "absent":
      return false;
    case "unreadable": {
      const bytes = bytesUpTo(targetOf(path), LARGEST_SETTINGS_BYTES);
      return bytes !== null && Buffer.from(bytes).includes("offhook");
    }
    case "refused":
      return (
        noted.includes(path) || path === settingsPath("user", { configDir: configDirOf(process.env), project: null })
      );
    default:
      return read satisfies never;
  }
}

/** Null: nothing of ours stands there. */
function settingsRemoval(path: string, home: string): SettingsRemoval | null {
  const text = settingsText(path);
  if (text === null) return null;
  const original = originalOf(home, targetOf(path));
  const left = without(text, original.kind === "text" ? original.text : null);
  if (left.kind === "refused") throw untouched(path, left);
  if (left.removed.length === 0) return null;
  const goes = original.kind === "absent" && left.text.trim() === "{}";
  return { path, before: text, after: goes ? null : left.text, events: left.removed };
}

async function unsettledIn(home: string | null, path: string): Promise<Unsettled> {
  const { spool, consumers } = await gather(home, path, Date.now());
  const left = consumers.filter(({ lag, pending, dead }) => lag + pending + dead > 0);
  return {
    spool: spool.waiting,
    consumers: left.map(({ name, lag, pending, dead }) => ({ name, lag, pending, dead })),
  };
}

/** An installed one is on PATH, or named by hooks that are there. */
function binaryRemoval(named: readonly (string | null)[]): BinaryRemoval {
  const path = ownBinary();
  const stays = (why: string): BinaryRemoval => ({ path, why });
  if (!Bun.main.startsWith("/$bunfs")) return stays("it is not compiled");
  if (repositoryOf(realpathSync(path)) !== null) return stays("it lies in a repository");
  const found = Bun.which("offhook");
  const isInstalled = named.includes(path) || (found !== null && realpathSync(found) === realpathSync(path));
  if (!isInstalled) return stays("it is not on PATH, and no hook names it");
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch {
    return stays(`its directory is not yours to write; do: sudo rm ${path}`);
  }
  return { path, why: null };
}

/** Where the binary leads, when it is a link, which then is all that goes; null: it is a file. */
export function linkTarget(path: string): string | null {
  return lstatSync(path).isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : null;
}
