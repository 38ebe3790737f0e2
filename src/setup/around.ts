// What a setup finds: the home and its consumers, Claude Code and its settings, the project, the node's service manager. Only
// looks; what it says is handed to the wizard, the plan and the removal.
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { configDirOf, SCOPES, type Scope, settingsPath } from "../claude/places.ts";
import { type KnownSettings, knownSettings } from "../claude/record.ts";
import { type ClaudeVersion, claudeVersion } from "../claude/version.ts";
import { whichOutside } from "../claude/which-outside.ts";
import type { ClusterConfig } from "../config/cluster.ts";
import { type BrokenConsumer, loadConsumers } from "../config/load.ts";
import { readNodeConfig } from "../config/node.ts";
import { homeForLooking, wantedHome } from "../config/paths.ts";
import type { Consumer } from "../config/schema.ts";
import type { SecretValues } from "../config/secret-text.ts";
import { loadSecrets } from "../config/secrets.ts";
import { type Holder, lockHolder } from "../daemon/lock.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type Detected as DetectedManager, detect as detectManager, type ServiceStatus } from "../service/service.ts";
import { ownBinary, repositoryOf } from "../system/own-binary.ts";
import { detect } from "../templates/detect.ts";
import { type Offer, offersOf } from "./choices.ts";
import { projectHere } from "./project-here.ts";
import { serviceHere } from "./service-here.ts";

/** `home` is where it is or would be. `daemon`: who holds it now. */
export type Around = {
  home: string;
  isHomeThere: boolean;
  userHome: string;
  configDir: string;
  project: string | null;
  /** PATH of this process: the daemon gets it when it becomes a service. */
  path: string;
  binary: string;
  version: ClaudeVersion | null;
  known: KnownSettings[];
  /** Where hooks of ours are noted that count here: for all projects, else for this one; null: nowhere. */
  presentScope: Scope | null;
  consumers: Consumer[];
  broken: BrokenConsumer[];
  secrets: SecretValues;
  /** [cluster] of config.toml; null: none, or none that can be read. */
  cluster: ClusterConfig | null;
  offers: Offer[];
  managers: { user: DetectedManager; system: DetectedManager };
  service: ServiceStatus;
  daemon: Holder | null;
};

/** Looks around. `project`: what --project says, null: where this process stands. Errors: the home's, no such directory (66). */
export async function lookAround({ project }: { project: string | null }): Promise<Around> {
  const userHome = homedir();
  refuseForeignHome(userHome);
  const home = homeForLooking();
  const configDir = configDirOf(process.env);
  const known = home === null ? [] : knownSettings(home);
  const path = process.env.PATH ?? "";
  const here = projectHere(project);
  const secrets = home === null ? {} : loadSecrets(home).values;
  const { consumers, broken } =
    home === null ? { consumers: [], broken: [] } : loadConsumers(home, { values: secrets });
  const holder = home === null ? null : lockHolder(home);
  return {
    home: home ?? wantedHome(),
    isHomeThere: home !== null,
    userHome,
    configDir,
    project: here,
    path,
    binary: ownBinary(path),
    version: claudeVersion(whichOutside(here, path)),
    known,
    presentScope:
      SCOPES.filter((scope) => scope === "user" || here !== null).find((scope) =>
        known.some((one) => one.path === settingsPath(scope, { configDir, project: here })),
      ) ?? null,
    consumers,
    broken,
    secrets,
    cluster: home === null ? null : clusterOf(home),
    offers: offersOf(detect(here, path)),
    managers: { user: detectManager("user"), system: detectManager("system") },
    service: await serviceHere(home ?? wantedHome()),
    // A command that changes something ends soon.
    daemon: holder?.command === undefined ? holder : null,
  };
}

function clusterOf(home: string): ClusterConfig | null {
  try {
    return readNodeConfig(home)?.cluster ?? null;
  } catch (error) {
    // What is wrong with config.toml is said by the daemon and the doctor; hooks do not need it.
    if (error instanceof OffhookError) return null;
    throw error;
  }
}

/** The service that Enter chooses: the user's own, where nothing runs yet and there is one to be had. */
export function usualService({ service, daemon, managers, binary }: Around): "user" | "none" {
  const isFree = !service.installed && daemon === null;
  return isFree && managers.user.kind === "found" && repositoryOf(binary) === null ? "user" : "none";
}

/** Under sudo the files of somebody else would become root's. Error: HOME is another user's (77). */
function refuseForeignHome(userHome: string): void {
  const owner = statSync(userHome, { throwIfNoEntry: false })?.uid ?? null;
  if (owner === null || owner === process.geteuid?.()) return;
  throw new OffhookError(
    EXIT.permission,
    `${userHome} belongs to another user (uid ${owner}): their settings would become yours`,
    "run it as that user, without sudo",
  );
}
