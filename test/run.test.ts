// Planned deliveries, run: what a real command sees of its event, and that event data stays data.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planDelivery } from "../src/attempt/plan.ts";
import { startAttempt } from "../src/attempt/run.ts";
import { consumerWith, contextHere, storedEvent } from "./fixtures/delivery.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "offhook-run-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const options = { killAfterMs: 300, note: (line: string) => expect(line).toBe("no trouble") };

describe("a planned delivery", () => {
  test("hands over names of any kind as they are, and runs nothing that is in them", async () => {
    const names = [
      "with space.py",
      "quo\"te's.py",
      "new\nline.py",
      "-rf",
      "$(touch hit).py",
      "`touch hit`;touch hit #.py",
      "*",
      "${HOME}",
    ];
    for (const name of names) writeFileSync(join(directory, name), "");
    const events = names.map((name) => storedEvent({ subject: name, project: directory }));
    const script = 'for file; do [ -f "$file" ] && printf "%s|" "$file"; done; printf "%s" "$OFFHOOK_FILE"';
    const consumer = consumerWith({ kind: "run", argv: ["sh", "-c", script, "sh", "{files}"] });
    const result = await startAttempt(planDelivery(consumer, events, contextHere(directory)), options).done;
    const paths = names.map((name) => join(directory, name));
    expect(result).toMatchObject({ outcome: "ok", stdout: paths.map((path) => `${path}|`).join("") + paths.at(-1) });
    expect(existsSync(join(directory, "hit"))).toBe(false);
  });

  test("of a shell line gets event data by environment and stdin only", async () => {
    const name = "$(touch hit);touch hit.py";
    const consumer = consumerWith({ kind: "shell", command: 'cat > /dev/null; printf "%s" "$OFFHOOK_FILE"' });
    const plan = planDelivery(consumer, [storedEvent({ subject: name, project: directory })], contextHere(directory));
    expect(await startAttempt(plan, options).done).toMatchObject({ outcome: "ok", stdout: join(directory, name) });
    expect(existsSync(join(directory, "hit"))).toBe(false);
  });

  test("runs in the user's home when the project is gone", async () => {
    const plan = planDelivery(
      consumerWith({ kind: "run", argv: ["pwd"] }),
      [storedEvent({ project: join(directory, "gone"), subject: null })],
      contextHere(directory),
    );
    expect(await startAttempt(plan, options).done).toMatchObject({ outcome: "ok", stdout: `${directory}\n` });
  });

  test("sees its own delivery in the environment and nobody else's", async () => {
    const context = contextHere(directory);
    const environment = {
      ...process.env,
      BUN_OPTIONS: "--smol",
      OTHER_TOKEN: "0ther",
      CLAUDE_CODE_SESSION_ID: "stale",
      OFFHOOK_DEPTH: "4",
    };
    const consumer = consumerWith({ kind: "run", argv: ["env"] }, { secrets: { MY_TOKEN: "m1ne" } });
    const plan = planDelivery(consumer, [storedEvent({ project: directory })], {
      ...context,
      environment,
      secretNames: ["OTHER_TOKEN", "MY_TOKEN"],
    });
    const { stdout } = await startAttempt(plan, options).done;
    const lines = stdout.split("\n");
    expect(lines).toContain("OFFHOOK_DELIVERY_ID=d_7");
    expect(lines).toContain("OFFHOOK_SESSION_ID=session-1");
    expect(lines).toContain("OFFHOOK_DEPTH=1");
    expect(lines).toContain("MY_TOKEN=${MY_TOKEN}");
    expect(stdout).not.toContain("BUN_OPTIONS");
    expect(stdout).not.toContain("stale");
    expect(stdout).not.toContain("0ther");
  });

  test("that cannot be carried out is not started", async () => {
    for (const plan of [{ kind: "impossible", reason: "because" } as const, { kind: "gone", file: "/a" } as const]) {
      expect(await startAttempt(plan, options).done).toMatchObject({
        outcome: "not-started",
        reason: expect.stringMatching(/because|\/a/),
      });
    }
  });
});
