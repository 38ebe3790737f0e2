// Hook payloads of any size that look like real ones: a recorded payload of a Write whose file content is made longer.
// Pure: the recorded lines are handed in.

/** A line of code, with quotes, braces and a newline in it: what a reader of JSON meets inside a string. */
const CONTENT_LINE = 'def total(rows): return {"sum": sum(row["price"] for row in rows)}  # \\o/\n';

/** Makes payloads of one size from recorded ones; each number gives another tool_use_id, as each call of a tool does. */
export type Payloads = (number: number) => string;

/**
 * Payloads of exactly `sizeBytes` (UTF-8, with the newline that Claude Code 2.1.329 sends after the object). `recorded`
 * is JSON lines; its first PostToolUse of a Write is the pattern. Throws when there is none, or when it is larger already.
 */
export function payloadsOf(recorded: string, sizeBytes: number): Payloads {
  const pattern = recorded
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .find((payload) => payload.hook_event_name === "PostToolUse" && payload.tool_name === "Write");
  if (pattern === undefined) throw new Error("no PostToolUse of a Write among the recorded payloads");

  const missingBytes = sizeBytes - Buffer.byteLength(render(pattern, "", 0));
  if (missingBytes < 0) throw new Error(`the recorded payload is larger than ${sizeBytes} bytes`);
  const lineBytes = JSON.stringify(CONTENT_LINE).length - 2;
  const content = CONTENT_LINE.repeat(Math.floor(missingBytes / lineBytes)) + "x".repeat(missingBytes % lineBytes);
  return (number) => render(pattern, content, number);
}

// biome-ignore lint/suspicious/noExplicitAny: a payload is whatever Claude Code sent
function render(pattern: any, content: string, number: number): string {
  const toolUseId = `toolu_${String(number).padStart(20, "0")}`;
  const payload = { ...pattern, tool_use_id: toolUseId, tool_input: { ...pattern.tool_input, content } };
  return `${JSON.stringify(payload)}\n`;
}
