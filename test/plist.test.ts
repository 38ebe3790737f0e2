// Property lists through readers that are not ours. scripts/test-services does the same where these programs are sure to be.
import { test } from "bun:test";
import { makeScratch } from "./binary.ts";
import { checkPlists } from "./services/plist-check.ts";

const scratch = makeScratch();

for (const { sentence, problems, skipped } of checkPlists(scratch.directory("plists"))) {
  test.skipIf(skipped !== null)(skipped === null ? sentence : `${sentence} (${skipped})`, () => {
    if (problems.length > 0) throw new Error(problems.join("\n"));
  });
}
