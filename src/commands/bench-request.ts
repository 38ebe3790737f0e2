// The words of `offhook bench` and what they ask for. Nothing is looked at or started here.
import { countOption, noMoreThan, parse } from "../cli/args.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { PARTS, type Part } from "../report/shape.ts";

export type Request = { kind: "compare"; paths: [string, string]; asJson: boolean } | ({ kind: "measure" } & Measuring);

export type Measuring = {
  /** In the order of PARTS. */
  parts: Part[];
  /** `drain` was named, or a hundred thousand events were not asked for. */
  isWholeDrain: boolean;
  isQuick: boolean;
  asJson: boolean;
  /** Where the page goes, as typed; null: none. */
  out: string | null;
  against: string[];
  mine: MineWish | null;
  minutes: number;
  /** As typed; null without the part. */
  claude: string | null;
};

/** `isSure`: --yes, which does not stand for the hooks that lie in the project. */
export type MineWish = { project: string | null; withProjectHooks: boolean; isSure: boolean };

const DEFAULT_PARTS: readonly Part[] = ["hook", "delivery", "drain"];
const DEFAULT_MINUTES = 5;

const OPTIONS = {
  against: { type: "string", multiple: true },
  mine: { type: "boolean" },
  project: { type: "string" },
  "project-hooks": { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  minutes: { type: "string" },
  claude: { type: "string" },
  quick: { type: "boolean" },
  out: { type: "string" },
  json: { type: "boolean" },
  compare: { type: "boolean" },
} as const;

/** What was asked for. Errors: words that are not known, or that do not go together (64). */
export function requestOf(argv: string[]): Request {
  const { values, positionals } = parse("bench", argv, OPTIONS);
  const asJson = values.json === true;
  if (values.compare) {
    const [a, b] = positionals;
    const other = Object.keys(values).find((name) => !["compare", "json"].includes(name));
    if (other !== undefined) throw refused(`--compare measures nothing, so it does not take --${other}`);
    if (a === undefined || b === undefined) throw refused("--compare takes two files of offhook bench --json");
    noMoreThan("bench", positionals, 2);
    return { kind: "compare", paths: [a, b], asJson };
  }

  const unknown = positionals.find((word) => !isPart(word));
  if (unknown !== undefined) throw refused(`there is no part "${unknown}": ${PARTS.join(", ")}`);
  const named = new Set<Part>(positionals.filter(isPart));
  const parts = new Set<Part>(named.size > 0 ? named : DEFAULT_PARTS);
  if (values.claude !== undefined) parts.add("claude");
  const needs = (option: string, isGiven: boolean, ...ofParts: Part[]) => {
    if (isGiven && !ofParts.some((part) => parts.has(part)))
      throw refused(`--${option} belongs to ${ofParts.join(" and ")}, which would not be measured`);
  };
  needs("against", values.against !== undefined, "hook");
  needs("mine", values.mine === true, "hook", "claude");
  needs("minutes", values.minutes !== undefined, "soak");
  for (const option of ["project", "project-hooks", "yes"] as const)
    if (values[option] !== undefined && !values.mine) throw refused(`--${option} is for --mine`);
  if (parts.has("claude") && values.claude === undefined)
    throw new OffhookError(EXIT.usage, "bench: claude needs to be told which Claude Code to drive", claudeHint());
  return {
    kind: "measure",
    parts: PARTS.filter((part) => parts.has(part)),
    isWholeDrain: named.has("drain"),
    isQuick: values.quick === true,
    asJson,
    out: values.out ?? null,
    against: values.against ?? [],
    mine: values.mine
      ? {
          project: values.project ?? null,
          withProjectHooks: values["project-hooks"] === true,
          isSure: values.yes === true,
        }
      : null,
    minutes: countOption("bench", "minutes", values.minutes) ?? DEFAULT_MINUTES,
    claude: values.claude ?? null,
  };
}

function isPart(word: string): word is Part {
  return (PARTS as readonly string[]).includes(word);
}

function claudeHint(): string {
  return `offhook bench claude --claude ${Bun.which("claude") ?? "PATH"}`;
}

function refused(message: string): OffhookError {
  return new OffhookError(EXIT.usage, `bench: ${message}`, "offhook bench --help");
}
