// The words of `offhook bench`: which parts they ask for, and what does not go together.
import { expect, test } from "bun:test";
import { type Measuring, requestOf } from "../src/commands/bench-request.ts";
import { EXIT, OffhookError } from "../src/errors.ts";

function measuring(argv: string[]): Measuring {
  const request = requestOf(argv);
  if (request.kind !== "measure") throw new Error("that measures nothing");
  return request;
}

function refusal(argv: string[]): string {
  try {
    requestOf(argv);
  } catch (error) {
    if (!(error instanceof OffhookError)) throw error;
    expect(error.exitCode).toBe(EXIT.usage);
    return error.message;
  }
  throw new Error("that is taken");
}

test("without a part it measures the hook, delivery, and a backlog of ten thousand", () => {
  expect(measuring([]).parts).toEqual(["hook", "delivery", "drain"]);
  expect(measuring([]).isWholeDrain).toBe(false);
});

test("parts by name are measured in one order, once each, and drain by name is the whole of it", () => {
  const { parts, isWholeDrain } = measuring(["drain", "load", "drain"]);
  expect(parts).toEqual(["load", "drain"]);
  expect(isWholeDrain).toBe(true);
});

test("--claude brings its part with it", () => {
  expect(measuring(["--claude", "/opt/claude"])).toMatchObject({
    parts: ["hook", "delivery", "drain", "claude"],
    claude: "/opt/claude",
  });
  expect(measuring(["claude", "--claude", "/opt/claude"]).parts).toEqual(["claude"]);
});

test("--against may be given several times", () => {
  expect(measuring(["--against", "cat", "--against", "wc -c"]).against).toEqual(["cat", "wc -c"]);
});

test("the hooks of a repository are asked for apart, and --yes does not stand for them", () => {
  expect(measuring(["--mine", "-y"]).mine).toEqual({ project: null, withProjectHooks: false, isSure: true });
  expect(measuring(["--mine", "--project-hooks", "--project", "p"]).mine).toEqual({
    project: "p",
    withProjectHooks: true,
    isSure: false,
  });
});

test("what does not go together is refused, with the word that is wrong", () => {
  expect(refusal(["hok"])).toContain('"hok"');
  expect(refusal(["--loud"])).toContain("--loud");
  expect(refusal(["drain", "--against", "cat"])).toContain("--against");
  expect(refusal(["drain", "--mine"])).toContain("--mine");
  expect(refusal(["hook", "--minutes", "3"])).toContain("--minutes");
  expect(refusal(["soak", "--minutes", "0.5"])).toContain("--minutes");
  expect(refusal(["--yes"])).toContain("--yes");
  expect(refusal(["--project-hooks"])).toContain("--project-hooks");
  expect(refusal(["claude"])).toContain("claude");
});

test("--compare takes two files and nothing else", () => {
  expect(requestOf(["--compare", "a.json", "b.json", "--json"])).toEqual({
    kind: "compare",
    paths: ["a.json", "b.json"],
    asJson: true,
  });
  expect(refusal(["--compare", "a.json"])).toContain("two files");
  expect(refusal(["--compare", "a.json", "b.json", "c.json"])).toContain("c.json");
  expect(refusal(["--compare", "a.json", "b.json", "--quick"])).toContain("--quick");
});
