// What the plain recorder and the worker kept, read back. Throws when one of them was cut off half way.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One firing of a hook as the recorder saw it. */
export type Recording = {
  /** All bytes of stdin, as text, and the same without the newline that Claude Code sends after its object. */
  raw: string;
  text: string;
  payload: Payload;
  bunVariables: string[];
};

export type Payload = {
  session_id: string;
  hook_event_name: string;
  agent_id?: string;
  tool_name?: string;
  tool_use_id?: string;
  tool_input?: { file_path?: string; notebook_path?: string };
};

/** One run of the worker. */
export type Work = { event: string; file: string; bunVariables: string[] };

/** Every firing that the recorder in `directory` kept, in no order. */
export function readRecordings(directory: string): Recording[] {
  return names(directory, "payload").map((name) => {
    const raw = textOf(join(directory, `${name}.payload`));
    const text = raw.replace(/\n$/, "");
    return { raw, text, payload: JSON.parse(text) as Payload, bunVariables: linesOf(join(directory, `${name}.env`)) };
  });
}

/** Every run of the worker in `directory`, in no order. */
export function readWork(directory: string): Work[] {
  return names(directory, "event").map((name) => ({
    event: textOf(join(directory, `${name}.event`)),
    file: textOf(join(directory, `${name}.file`)),
    bunVariables: linesOf(join(directory, `${name}.env`)),
  }));
}

function names(directory: string, ending: string): string[] {
  const files = readdirSync(directory);
  const cutOff = files.filter((file) => !file.includes("."));
  if (cutOff.length > 0) throw new Error(`cut off half way in ${directory}: ${cutOff.join(" ")}`);
  return files.filter((file) => file.endsWith(`.${ending}`)).map((file) => file.slice(0, -ending.length - 1));
}

function textOf(path: string): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
}

function linesOf(path: string): string[] {
  return textOf(path)
    .split("\n")
    .filter((line) => line !== "");
}
