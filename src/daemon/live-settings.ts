// The settings and secrets of a home as they are now: read again at each reload, so that edits are followed without a restart.
import { ensureNodeConfig, followSettings, type NodeConfig } from "../config/node.ts";
import { loadSecrets, type Secrets } from "../config/secrets.ts";

export type LiveSettings = {
  settings(): NodeConfig;
  secrets(): Secrets;
  /** Reads both files again. Error: config.toml is not well (78); then nothing has changed. */
  read(): void;
};

/** Begins with the settings that a start has read. */
export function liveSettings(home: string, first: NodeConfig, log: (line: string) => void): LiveSettings {
  let settings = first;
  let secrets = loadSecrets(home);
  let hadWarned = "";
  return {
    settings: () => settings,
    secrets: () => secrets,
    read() {
      settings = followSettings(settings, ensureNodeConfig(home), log);
      secrets = loadSecrets(home);
      // What cannot be read is tried again and again: it is said once.
      const warned = secrets.warnings.join("\n");
      if (warned !== hadWarned) for (const warning of secrets.warnings) log(warning);
      hadWarned = warned;
    },
  };
}
