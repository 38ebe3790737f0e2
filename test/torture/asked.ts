// What the words after scripts/torture ask for. Pure.

export type Asked = {
  seed: string;
  /** Names of rows; null: all. */
  only: string[] | null;
  /** The rows of several machines, instead of those of one. */
  isCluster: boolean;
  isNightly: boolean;
  /** Run the controls of all rows that are run. */
  controls: boolean;
  times: number;
  json: boolean;
  list: boolean;
  write: boolean;
};

const NIGHTLY_TIMES = { machine: 10, cluster: 50 };

export const USAGE = `usage: scripts/torture [--cluster] [--seed N] [--only ROW,...] [--nightly] [--times N] [--controls] [--json] [--list] [--write]
Ends offhook in every way we could think of and looks whether anything was lost. Builds first.
  --cluster     the rows of several machines with a Redis, instead of those of one machine
  --seed N      play the choices of another run again; without it a new one is taken, and printed
  --only ROW,.. these rows alone
  --times N     N times as many cases
  --nightly     ${NIGHTLY_TIMES.machine} times as many cases (with --cluster ${NIGHTLY_TIMES.cluster} times, or --times), and all negative controls
  --controls    the negative controls too; else only those of rows that changed since docs/reliability.md
  --json        also one line of JSON with everything that was seen
  --list        name the rows and what they do, run nothing
  --write       write docs/reliability.md, or its part about several machines, from all rows and all controls
Ends with "N passed, N failed, N skipped": one for each row, one for each control.
example: ./scripts/torture --only publisher-kill --seed 20011`;

/** Reads the words; a string is what is wrong with them. `newSeed` is taken where none is given. */
export function askedBy(argv: readonly string[], newSeed: string): Asked | string {
  const asked: Asked = {
    seed: newSeed,
    only: null,
    isCluster: false,
    isNightly: false,
    controls: false,
    times: 0,
    json: false,
    list: false,
    write: false,
  };
  const words = argv.flatMap((word) =>
    /^--\w+=/.test(word) ? [word.replace(/=.*/s, ""), word.replace(/^.*?=/s, "")] : [word],
  );
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    const value = words[at + 1] ?? "";
    switch (word) {
      case "--cluster":
        asked.isCluster = true;
        break;
      case "--nightly":
        asked.isNightly = true;
        break;
      case "--controls":
      case "--json":
      case "--list":
      case "--write":
        asked[word.slice(2) as "controls" | "json" | "list" | "write"] = true;
        break;
      case "--seed":
        if (!/^[\w.-]{1,40}$/.test(value)) return "--seed needs a number";
        asked.seed = value;
        at++;
        break;
      case "--times":
        if (!/^[1-9]\d{0,5}$/.test(value)) return "--times needs a whole number";
        asked.times = Number(value);
        at++;
        break;
      case "--only":
        if (value === "") return "--only needs names of rows, with commas";
        asked.only = value.split(",");
        at++;
        break;
      default:
        return `unknown word ${JSON.stringify(word)}`;
    }
  }
  if (asked.times === 0) asked.times = asked.isNightly ? NIGHTLY_TIMES[asked.isCluster ? "cluster" : "machine"] : 1;
  if (asked.write && asked.only !== null) return "--write needs all rows: leave out --only";
  if (asked.write || asked.isNightly) asked.controls = true;
  return asked;
}
