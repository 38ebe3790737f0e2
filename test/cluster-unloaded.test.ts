// A home without [cluster] pays nothing for clusters: no command that looks or changes loads anything that talks to Redis until
// config.toml says that there is one.
import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { closureOf, type Metafile } from "./house-rules.ts";

const ROOT = resolve(import.meta.dir, "..");
const COMMANDS = [
  "status",
  "events",
  "deliveries",
  "show",
  "dead-letters",
  "replay",
  "pause",
  "resume",
  "forget",
].concat([...["try", "drain", "prune", "publish", "consume"]]);

const { metafile } = await Bun.build({
  entrypoints: [join(ROOT, "src/main.ts")],
  root: ROOT,
  target: "bun",
  format: "esm",
  splitting: true,
  metafile: true,
});

const ofClusters = (command: string) =>
  closureOf(metafile as Metafile, ["src/main.ts", `src/commands/${command}.ts`]).files.filter(
    // Which partition a key belongs to is reckoned without any of it (try).
    (file) => /^src\/(redis|cluster|partition)\//.test(file) && file !== "src/cluster/shares.ts",
  );

for (const command of COMMANDS)
  test(`${command} loads nothing of a cluster by itself`, () => {
    expect(ofClusters(command)).toEqual([]);
  });

test("what does would be seen", () => {
  expect(ofClusters("cluster-ping")).toContain("src/redis/connection.ts");
});
