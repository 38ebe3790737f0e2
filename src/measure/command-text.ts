// Commands of users as text for a table. Pure.

const MOST_NAME = 40;

/** A command as the name of a row: one line, not long. */
export function shortened(command: string): string {
  const line = inOneLine(command);
  return line.length <= MOST_NAME ? line : `${line.slice(0, MOST_NAME - 1)}…`;
}

/** Text of others in one line, without what a terminal would obey. */
export function inOneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, " ")
    .replace(/\p{Cf}/gu, "")
    .trim();
}
