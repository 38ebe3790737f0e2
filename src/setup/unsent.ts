// Which consumers wait for events that no hook sends them. Only looks, and only where setup was used: hooks that were registered
// by hand, in a plugin or by an organisation are not known to us.

import { HOOK_EVENTS } from "../claude/hook-events.ts";
import { knownSettings } from "../claude/record.ts";
import { registeredHooks } from "../claude/registered.ts";
import { hookSends } from "../claude/wanted.ts";
import { loadConsumers } from "../config/load.ts";
import { loadSecrets } from "../config/secrets.ts";

/** A consumer and the events, by name, that it waits for in vain. */
export type UnsentEvents = { consumer: string; events: string[] };

/** The consumers of a home (null: none yet) that wait in vain; none where no settings file is noted. */
export function unsentEvents(home: string | null): UnsentEvents[] {
  const known = home === null ? [] : knownSettings(home);
  if (home === null || known.length === 0) return [];
  const hooks = known.flatMap(({ path }) => registeredHooks(path).hooks);
  return loadConsumers(home, loadSecrets(home)).consumers.flatMap((consumer) => {
    const events = hookSends(hooks, consumer).filter((event) => !isTooNew(event) || consumer.on.includes(event));
    return events.length === 0 ? [] : [{ consumer: consumer.name, events }];
  });
}

/** Whether an event may be left out because the installed Claude Code has none: who waits for "*" misses nothing then. */
function isTooNew(event: string): boolean {
  return HOOK_EVENTS.some(({ name, since }) => name === event && since !== null);
}
