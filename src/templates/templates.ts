// The templates of consumer files: what there is to choose from, and the text that is written for a choice. Pure: what a machine
// has is asked by detect.ts, what a home has by consumer-file.ts.
import { ALERT_TEMPLATES } from "./alerts.ts";
import { FORMAT_TEMPLATES } from "./formats.ts";
import { GO_AND_RUST_TEMPLATES } from "./go-rust.ts";
import { LINT_TEMPLATES } from "./lint.ts";
import type { Template } from "./template.ts";
import { TEST_TEMPLATES } from "./tests.ts";

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
