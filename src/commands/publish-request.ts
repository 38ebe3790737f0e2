// What the words after `publish` ask for. A hook's line may hold words of other versions: they are ignored, old sessions keep
// calling old forms. A program that says --type, --subject or --data is told of its mistakes. Pure.
import type { Durability } from "../spool/append.ts";

export type Request =
  | { kind: "hook"; durability: Durability }
  /** `words` say type and subject again in one form; `data` null: stdin is the data. */
  | { kind: "program"; words: string[]; data: string | null; durability: Durability }
  | { kind: "wrong"; why: string };

const DURABILITIES: readonly string[] = ["power", "full", "process"] satisfies Durability[];
const PROGRAM_OPTIONS = ["--type", "--subject", "--data"];
const OPTIONS = [...PROGRAM_OPTIONS, "--durability"];
/** No white space, no control characters, nothing that a glob takes for itself: a type is matched by `on`. */
const TYPE = /^[^\s\p{Cc}*?[\]{}!,]{1,200}$/u;

/** Reads the words after `publish`. */
export function requestOf(argv: readonly string[]): Request {
  if (argv.length === 0) return { kind: "hook", durability: "power" };
  const isProgram = argv.some((word) => PROGRAM_OPTIONS.includes(split(word).option));
  return isProgram ? programRequest(argv) : hookRequest(argv);
}

function hookRequest(argv: readonly string[]): Request {
  let durability: Durability = "power";
  for (const [at, word] of argv.entries()) {
    const { option, value } = split(word);
    const level = value ?? argv[at + 1];
    if (option === "--durability" && isDurability(level)) durability = level;
  }
  return { kind: "hook", durability };
}

function programRequest(argv: readonly string[]): Request {
  const given = new Map<string, string>();
  for (let at = 0; at < argv.length; at++) {
    const { option, value } = split(argv[at] ?? "");
    if (!OPTIONS.includes(option))
      return wrong(`unknown ${option.startsWith("-") ? "option" : "word"} ${JSON.stringify(option)}`);
    if (given.has(option)) return wrong(`${option} is there twice`);
    const words = value ?? argv[++at];
    if (words === undefined) return wrong(`${option} needs a value`);
    given.set(option, words);
  }
  const type = given.get("--type");
  const subject = given.get("--subject");
  const data = given.get("--data") ?? null;
  const durability = given.get("--durability") ?? "power";
  if (type === undefined) return wrong("--type is missing: it says what happened, for instance render.finished");
  if (!TYPE.test(type))
    return wrong(
      `--type ${JSON.stringify(type)} is no type: no white space, none of * ? [ ] { } ! , and at most 200 characters`,
    );
  if (!isDurability(durability))
    return wrong(`--durability is one of ${DURABILITIES.join(", ")}, not ${JSON.stringify(durability)}`);
  if (data !== null && !isJson(data)) return wrong("--data is not JSON; text and bytes can come on stdin instead");
  const words = [`--type=${type}`];
  if (subject) words.push(`--subject=${subject}`);
  return { kind: "program", words, data, durability };
}

/** `--name=value` as two; any other word as it is. */
function split(word: string): { option: string; value: string | null } {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at < 0 ? { option: word, value: null } : { option: word.slice(0, at), value: word.slice(at + 1) };
}

function isDurability(level: string | undefined): level is Durability {
  return level !== undefined && DURABILITIES.includes(level);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function wrong(why: string): Request {
  return { kind: "wrong", why: `offhook publish: ${why} (see: offhook publish --help)` };
}
