// Where a worker of a cluster consumer may run. Its rules judged each event when it came; what lies in Redis since then (deliveries,
// requests for a replay) may name other events, and who may write there is not who may choose a directory of this machine.
import { posix } from "node:path";
import type { Consumer } from "../config/schema.ts";
import type { StoredEvent } from "../event/event.ts";
import { projectRule } from "../match/match-path.ts";
import type { CompiledRule, RealPath } from "../match/rule.ts";

/** Gives the events of a cluster consumer, without the project of those that its `projects` do not let in: the home is left then. */
export function makeTrustedPlace(realPath: RealPath) {
  const rules = new WeakMap<Consumer, CompiledRule | "any">();
  const isTrusted = (consumer: Consumer, event: StoredEvent): boolean => {
    let rule = rules.get(consumer);
    if (rule === undefined) {
      rule = consumer.projects === null ? "any" : projectRule(consumer.projects, realPath);
      rules.set(consumer, rule);
    }
    return isPlain(event.project) && (rule === "any" || rule.test({ event, data: () => null }));
  };
  return (consumer: Consumer, events: readonly StoredEvent[]): readonly StoredEvent[] => {
    if (consumer.scope !== "cluster") return events;
    return events.map((event) =>
      event.project === null || isTrusted(consumer, event) ? event : { ...event, project: null },
    );
  };
}

/** What a link and ".." together mean, the system knows better than a rule about texts. */
function isPlain(project: string | null): boolean {
  return project !== null && posix.isAbsolute(project) && posix.normalize(project) === project;
}
