// What a template of a consumer file is: the shape that the texts of this room have in common.

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
