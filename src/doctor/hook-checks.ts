// Findings about hooks and consumers together: which Claude Code there is, what switches hooks off, whether every consumer is sent what
// it waits for. Pure.

import type { RegisteredHook } from "../claude/registered.ts";
import type { Switch } from "../claude/switches.ts";
import type { ClaudeVersion } from "../claude/version.ts";
import { hookSends, hooksWanted, type WantedHook } from "../claude/wanted.ts";
import type { Consumer } from "../config/schema.ts";
import { doubtful, type Finding, well, wrong } from "./finding.ts";
import type { SettingsFile } from "./settings-facts.ts";

/** What `wantedFindings` judges by. `hooks`: all of ours that are registered; `isNoted`: setup wrote some of them; `isWhole`: no consumer file is broken. */
export type Registered = {
  hooks: readonly Pick<WantedHook, "event" | "matcher">[];
  isNoted: boolean;
  isWhole: boolean;
};

/** Judges which Claude Code there is. */
export function claudeFindings(version: ClaudeVersion | null): Finding[] {
  if (version !== null) return [well("hooks", "claude", `Claude Code ${version.text}`)];
  return [
    doubtful(
      "hooks",
      "claude",
      "claude is not on this PATH, or does not say its version: what it can do is not known",
      {
        mend: "claude --version",
      },
    ),
  ];
}

/** Judges whether what is registered sends every consumer what it waits for, and nothing that nobody waits for. */
export function wantedFindings(
  consumers: readonly Consumer[],
  { hooks, isNoted, isWhole }: Registered,
  version: ClaudeVersion | null,
): Finding[] {
  const inLine: { mend: string; fix: "hooks" | null } = isNoted
    ? { mend: "offhook setup --sync", fix: "hooks" }
    : { mend: "offhook setup", fix: null };
  const { hooks: wanted, unsent } = hooksWanted(consumers, version);
  const findings = unsent.map(({ consumer, event, why }) =>
    doubtful("hooks", "never-sent", `${consumer} waits for ${event}, which never comes: ${why}`, {
      where: pathOf(consumers, consumer),
      mend: `mend "on" in the file of ${consumer}`,
    }),
  );
  if (hooks.length === 0) {
    if (wanted.length === 0)
      return [
        ...findings,
        doubtful("hooks", "registered", "no hook of offhook is in any settings", { mend: "offhook setup" }),
      ];
    return [
      ...findings,
      wrong("hooks", "registered", "no hook of offhook is in any settings: nothing is ever sent", inLine),
    ];
  }
  const isVain = (consumer: string, event: string) =>
    unsent.some((one) => one.consumer === consumer && one.event === event);
  const missing = consumers.flatMap((consumer) => {
    const events = hookSends(hooks, consumer).filter(
      (event) => !isVain(consumer.name, event) && wanted.some((one) => one.event === event),
    );
    if (events.length === 0) return [];
    // A matcher may leave out a tool.
    const named = events.map((event) =>
      hooks.some((one) => one.event === event) ? `${event} of all its tools` : event,
    );
    const what = `${consumer.name} waits for ${named.join(", ")}, and no hook sends ${events.length === 1 ? "it" : "them"}`;
    return [wrong("hooks", "unsent", what, { where: consumer.path, ...inLine })];
  });
  const idle = [...new Set(hooks.map(({ event }) => event))].filter(
    (event) => !wanted.some((one) => one.event === event),
  );
  // What a broken file waits for is not known.
  if (idle.length > 0 && isWhole)
    findings.push(
      doubtful(
        "hooks",
        "unwanted",
        `nobody waits for ${idle.join(", ")}: each hook costs the agent about 10 ms`,
        inLine,
      ),
    );
  return missing.length + findings.length > 0
    ? [...missing, ...findings]
    : [well("hooks", "registered", "every consumer is sent what it waits for")];
}

/** Judges whether a project's file sends what the user's sends already: Claude Code adds them up, and only runs the very same line once. */
export function doubleFindings(files: readonly SettingsFile[]): Finding[] {
  const users = files.filter(({ scope }) => scope === "user").flatMap(({ hooks }) => hooks);
  return files
    .filter(({ scope }) => scope !== "user")
    .flatMap(({ path, hooks }) => {
      const isTwice = (hook: RegisteredHook) =>
        users.some((one) => one.event === hook.event && lineOf(one) !== lineOf(hook));
      const twice = [...new Set(hooks.filter(isTwice).map(({ event }) => event))];
      if (twice.length === 0) return [];
      const what = `this project's settings and yours both send ${twice.join(", ")}: each event is published twice, and one of the two skipped`;
      return [doubtful("hooks", "doubles", what, { where: path, mend: "take the hooks out of one of both" })];
    });
}

function lineOf({ command, args }: RegisteredHook): string {
  return JSON.stringify([command, args]);
}

/** Judges what keeps hooks from running, or makes them run twice. */
export function switchFindings(switches: readonly Switch[]): Finding[] {
  return switches.map(({ key, file, means }) =>
    key.startsWith("enabledPlugins")
      ? doubtful("hooks", "switches", `${key}: ${means}`, {
          where: file,
          mend: "keep one of both: the plugin, or the hooks of offhook setup",
        })
      : wrong("hooks", "switches", `${key} is on: ${means}`, {
          where: file,
          mend: `take ${key} out of ${file}, or ask who set it`,
        }),
  );
}

function pathOf(consumers: readonly Consumer[], name: string): string | null {
  return consumers.find((one) => one.name === name)?.path ?? null;
}
