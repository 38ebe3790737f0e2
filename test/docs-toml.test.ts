// The examples in the documentation are read by the same code as people's files. A comment in the first line names the file.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CLUSTER_KEYS } from "../src/config/cluster.ts";
import { parseConsumer } from "../src/config/consumer.ts";
import { firstConfig, parseNodeConfig } from "../src/config/node.ts";
import { parseProjectFile } from "../src/config/project-file.ts";
import { CONSUMER_KEYS } from "../src/config/schema.ts";

const ROOT = resolve(import.meta.dir, "..");
const SECRETS = { SLACK_URL: "https://hooks.example/x" };

const consumers = readFileSync(join(ROOT, "docs/consumers.md"), "utf8");
const cluster = readFileSync(join(ROOT, "docs/cluster.md"), "utf8");
const examples = ["README.md", "docs/consumers.md", "docs/cluster.md"].flatMap((file) =>
  [...readFileSync(join(ROOT, file), "utf8").matchAll(/^```toml\n(.*?)^```$/gms)].map(([, text = ""], index) => ({
    label: `${file}, example ${index + 1}`,
    text,
  })),
);

/** What is wrong with an example; none when nothing is. */
function errorsOf(label: string, text: string): string[] {
  if (text.startsWith("# .offhook.toml"))
    return [parseProjectFile(text, label).error].filter((error) => error !== null);
  if (text.startsWith("# config.toml")) return parseNodeConfig(text).cluster === null ? [`${label}: no [cluster]`] : [];
  const loaded = parseConsumer(text, { name: "x", path: "/x.toml", label, userHome: "/home/dev", secrets: SECRETS });
  return loaded.kind === "ok" ? [] : loaded.errors;
}

test("every example of a file is one that would be accepted", () => {
  expect(examples.length).toBeGreaterThan(8);
  expect(examples.flatMap(({ label, text }) => errorsOf(label, text))).toEqual([]);
});

test("an example with a mistake would be seen", () => {
  expect(errorsOf("x", '# x.toml\non = ["Stop"]\nbuiltin = "nothing"')).toHaveLength(1);
  expect(errorsOf("x", "# .offhook.toml\nrun = []")).toHaveLength(1);
});

test("every key of a consumer file is explained", () => {
  for (const key of CONSUMER_KEYS[""] ?? []) {
    expect(consumers).toMatch(new RegExp(`^\\| \`${key}( =|\`)`, "m"));
  }
});

test("every key of config.toml is explained, in the file of a first start too", () => {
  for (const key of ["name", "workers", "durability", "disabled", "retention", "max_lag", "redact"]) {
    expect(consumers).toContain(`| \`${key}\` |`);
    expect(firstConfig("laptop")).toMatch(new RegExp(`^(# )?${key} = `, "m"));
  }
});

test("every key of [cluster] is explained, with its default as it is", () => {
  for (const key of CLUSTER_KEYS) {
    if (key !== "redact") expect(cluster).toContain(`| \`${key}\` |`);
  }
  expect(consumers).toContain("| `[cluster]` |");
  const said = [...cluster.matchAll(/^\| `(\w+)` \| `(.+?)` \|/gm)].map(([, key, value]) => `${key} = ${value}`);
  const least = '[cluster]\nurl = "redis://a"\n';
  expect(said.length).toBeGreaterThan(5);
  expect(parseNodeConfig(`name = "a"\n${least}${said.join("\n")}`)).toEqual(parseNodeConfig(`name = "a"\n${least}`));
});
