// The hook that the agent waits for, as people write it: one script lints the file that was just written and tells a channel about
// it. Lint and request are real; the channel is a server of ours on loopback that answers after a stated time.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { PYTHON_LINT, PYTHON_POST } from "./python.ts";

/** What of it is there on this machine (absolute paths); null: it is not. */
export type Tools = { python: string | null; curl: string | null };

export type SyncHook = {
  argv: string[];
  /** Beside the environment of every hook. */
  env: Record<string, string>;
  /** A sentence: what it does, and with what. */
  what: string;
  /** Throws unless the channel was told so many times since the last call, each time of what is to be found in the file. */
  mustHaveTold(times: number): void;
  end(): Promise<void>;
};

/** A file for it to look at: one import that is not used (os), one line that is too long. */
export const WRITTEN = `import json
import os
from dataclasses import dataclass


@dataclass
class Row:
    name: str
    price: float
    count: int = 1


def total(rows):
    return sum(row.price * row.count for row in rows)


def as_json(rows):
    return json.dumps({"rows": [{"name": row.name, "price": row.price, "count": row.count} for row in rows], "sum": total(rows)})
`;

const LINT_WITH_GREP = `file=$(sed -n 's/.*"file_path":"\\([^"]*\\)".*/\\1/p')
found=$(grep -cE '.{101,}|[[:space:]]$' "$file")
findings="{\\"text\\":\\"$found lines too long, or with blanks at their end\\"}"`;
const LINT_WITH_PYTHON = 'findings=$("$PYTHON" lint.py) || exit 1';
const POST_WITH_CURL = `printf %s "$findings" | curl -sSf --max-time 20 -H 'content-type: application/json' --data-binary @- "$CHANNEL" >/dev/null`;
const POST_WITH_PYTHON = 'printf %s "$findings" | "$PYTHON" post.py "$CHANNEL"';

/** Writes the hook into a new directory and opens its channel. Null where nothing can post: neither curl nor python3. */
export function openSyncHook(directory: string, { python, curl }: Tools, answerMs: number): SyncHook | null {
  if (python === null && curl === null) return null;
  const told: string[] = [];
  const channel = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      told.push(await request.text());
      await Bun.sleep(answerMs);
      return new Response("ok");
    },
  });

  mkdirSync(directory);
  const script = join(directory, "lint-and-tell.sh");
  const lint = python === null ? LINT_WITH_GREP : LINT_WITH_PYTHON;
  const post = curl === null ? POST_WITH_PYTHON : POST_WITH_CURL;
  writeFileSync(script, `cd "$HOOKS" || exit 1\n${lint}\n${post}\n`);
  writeFileSync(join(directory, "lint.py"), PYTHON_LINT);
  writeFileSync(join(directory, "post.py"), PYTHON_POST);
  const finding = python === null ? "1 lines too long" : "os is imported and not used";

  return {
    argv: ["/bin/sh", script],
    env: {
      HOOKS: directory,
      CHANNEL: `http://127.0.0.1:${channel.port}/`,
      ...(python === null ? {} : { PYTHON: python }),
    },
    what: `lints the file with ${python === null ? "grep" : "python3"}, then posts with ${curl === null ? "python3" : "curl"} to a server on this machine that answers after ${answerMs} ms, in place of a chat's`,
    mustHaveTold(times) {
      const texts = told.splice(0);
      if (texts.length === times && texts.every((text) => text.includes(finding))) return;
      throw new OffhookError(
        EXIT.failed,
        `lint + alert told its channel ${texts.length} times instead of ${times}: ${texts.join(" ").slice(0, 300)}`,
        `sh ${script}`,
      );
    },
    end: () => channel.stop(true),
  };
}
