// `webhook`: one request. Event data may stand in the body only, where it can be escaped for its place.
import * as v from "valibot";
import { bodyProblem, hasPlaceholder } from "./placeholders.ts";
import { textsIn } from "./toml.ts";
import { oneOf, text } from "./values.ts";

const NO_DATA_HERE = "must not hold event data; placeholders may stand in body";

const headers = v.record(
  v.pipe(v.string(), v.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "is no header name")),
  v.pipe(
    v.string("must be a text in quotes"),
    v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, "must be one line of plain characters"),
    v.check((value) => !hasPlaceholder(value), NO_DATA_HERE),
  ),
  'must be a table, for instance { Authorization = "Bearer ${TOKEN}" }',
);

const body = v.pipe(
  v.union([v.string(), v.array(v.unknown()), v.looseObject({})], "must be a text, a table or a list"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const found of textsIn(dataset.value)) {
      const message = bodyProblem(found);
      if (message !== null) addIssue({ message, input: found });
    }
    const looksLikeCode = typeof dataset.value === "string" && /^\s*[[{<"]/.test(dataset.value);
    if (looksLikeCode && hasPlaceholder(dataset.value as string)) {
      addIssue({
        message: 'would paste event data into code; JSON is written as a table, for instance { text = "{file}" }',
      });
    }
  }),
);

/** The table of `webhook`. */
export const webhookTable = v.pipe(
  v.object(
    {
      url: v.pipe(
        text,
        v.check((url) => !hasPlaceholder(url), NO_DATA_HERE),
      ),
      method: v.optional(oneOf(["POST", "PUT", "PATCH"]), "POST"),
      headers: v.optional(headers, {}),
      preset: v.optional(v.nullable(oneOf(["slack", "discord", "ntfy", "n8n"])), null),
      body: v.optional(v.nullable(body), null),
    },
    'must be a table, for instance { url = "${SLACK_URL}", preset = "slack" }',
  ),
  v.check(
    (hook) => hook.body === null || hook.preset === null,
    "must have preset or body, not both: a preset is a body",
  ),
  v.check(
    (hook) => typeof hook.body !== "string" || !hasPlaceholder(hook.body) || isPlainText(hook.headers),
    "would paste event data into code: a text body goes as text/plain only; JSON is written as a table",
  ),
);

function isPlainText(sent: Readonly<Record<string, string>>): boolean {
  return Object.entries(sent).every(
    ([name, value]) => name.toLowerCase() !== "content-type" || /^text\/plain\b/i.test(value),
  );
}
