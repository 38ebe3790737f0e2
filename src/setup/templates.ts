// The templates of consumer files: what there is to choose from, and the text that is written for a choice. Pure: what a machine
// has is asked by detect.ts, what a home has by consumer-file.ts.
import { ALERT_TEMPLATES } from "./template-alert.ts";
import { FORMAT_TEMPLATES } from "./template-format.ts";
import { GO_AND_RUST_TEMPLATES } from "./template-go-rust.ts";
import { LINT_TEMPLATES } from "./template-lint.ts";
import { TEST_TEMPLATES } from "./template-test.ts";

/** What a template's text is made for. */
export type Answers = {
  /** Absolute path of the project that a consumer is bound to; null only where the template does not need one. */
  project: string | null;
  /** Where its command was found, absolute (`Detected.found`); null: the bare name, which the daemon looks for on its PATH. */
  found: string | null;
};

/** The address that an alert is sent to. It is kept in secrets.env; the consumer file says ${NAME}. */
export type TemplateSecret = {
  name: string;
  question: string;
  /** Whether a text can be such an address. Never shown, also when it is wrong. */
  looksRight(text: string): boolean;
  /** What such an address looks like, for who gave another: "https://hooks.slack.com/services/..." */
  looksLike: string;
};

/** One kind of consumer. `lint` holds formatters in check mode too; `format` rewrites files, on Stop only. */
export type Template = {
  id: string;
  title: string;
  kind: "lint" | "test" | "format" | "alert" | "log";
  /** Running it runs what the project brings along: its text is always bound to one project. */
  executesProjectCode: boolean;
  /** `answers.project` must be given: it runs the project's code, or works on a project as a whole. */
  needsProject: boolean;
  /** Commands that must be there; the first is the one that `answers.found` stands for. */
  needs: string[];
  secret: TemplateSecret | null;
  /** The consumer file, commented, for people to edit. Error: a project path that no file can name (78). */
  text(answers: Answers): string;
};

/** Every template, in the order in which they are offered. */
export const TEMPLATES: readonly Template[] = [
  ...LINT_TEMPLATES,
  ...GO_AND_RUST_TEMPLATES,
  ...TEST_TEMPLATES,
  ...FORMAT_TEMPLATES,
  ...ALERT_TEMPLATES,
];

/** The template of an id; null: there is none. */
export function templateOf(id: string): Template | null {
  return TEMPLATES.find((template) => template.id === id) ?? null;
}
