// The names of what the cluster keeps in Redis. All share one hash tag, so that one script may touch several of them. Pure.

/** The keys of one cluster. `part`: a hash of rows; `draft`: where a large commit is put together. */
export type Keys = {
  /** The last seq given. */
  seq: string;
  /** The stream; ids are SEQ-0. */
  events: string;
  /** Hash: origin -> the highest origin seq that was appended. */
  origins: string;
  meta: string;
  nodes: string;
  groups: string;
  lease(consumer: string, partition: number): string;
  part(consumer: string, partition: number): string;
  draft(consumer: string, partition: number): string;
  /** Stream, capped: settled deliveries of commands and requests, for looking. */
  outcomes(consumer: string): string;
  ask(consumer: string, partition: number): string;
  answer(id: string): string;
  /** Any other name of the cluster's own. */
  named(name: string): string;
};

/** The keys that one partition's scripts touch. */
export type PartitionKeys = { lease: string; part: string; draft: string; outcomes: string; meta: string };

/** The keys under a prefix (config: `prefix`), which becomes the hash tag. */
export function makeKeys(prefix: string): Keys {
  const named = (name: string) => `{${prefix}}:${name}`;
  const of = (what: string) => (consumer: string, partition: number) => named(`${what}:${consumer}/${partition}`);
  return {
    seq: named("seq"),
    events: named("events"),
    origins: named("origins"),
    meta: named("meta"),
    nodes: named("nodes"),
    groups: named("groups"),
    lease: of("lease"),
    part: of("part"),
    draft: of("draft"),
    outcomes: (consumer) => named(`outcomes:${consumer}`),
    ask: of("ask"),
    answer: (id) => named(`answer:${id}`),
    named,
  };
}

/** The keys of one partition of a consumer. */
export function partitionKeys(keys: Keys, consumer: string, partition: number): PartitionKeys {
  return {
    lease: keys.lease(consumer, partition),
    part: keys.part(consumer, partition),
    draft: keys.draft(consumer, partition),
    outcomes: keys.outcomes(consumer),
    meta: keys.meta,
  };
}
