// The actions that need no program of the user's: a log file, a notice on the desktop.
import { closeSync, constants, fstatSync, ftruncateSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../errors.ts";
import type { StoredEvent } from "../event/event.ts";
import { resultOf } from "./attempt.ts";
import { cutText, linesOf, titleOf } from "./describe.ts";
import type { AttemptResult } from "./outcome.ts";

const MAX_LOG_BYTES = 64 * 1024 * 1024;
const MAX_NOTICE = 1000;
const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Appends lines to a log of this home: all or nothing. A log that would grow over `maxBytes` is moved to PATH.1 first,
 * in the place of the one before. Nobody else writes it, so its size can be trusted.
 */
export function appendLog(path: string, text: string, maxBytes = MAX_LOG_BYTES): AttemptResult {
  const beganAt = performance.now();
  const result = (outcome: "ok" | "failed", reason: string | null) =>
    resultOf({ outcome, reason, durationMs: performance.now() - beganAt });
  try {
    const bytes = Buffer.from(text);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (!appendTo(path, bytes, maxBytes)) {
      renameSync(path, `${path}.1`);
      appendTo(path, bytes, Number.POSITIVE_INFINITY);
    }
    return result("ok", null);
  } catch (error) {
    return result("failed", messageOf(error));
  }
}

/** False when there is something in the file and the bytes would make it too large: then nothing is written. */
function appendTo(path: string, bytes: Uint8Array, maxBytes: number): boolean {
  // Not through a link, and without waiting for a reader where somebody put a FIFO.
  const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const found = fstatSync(file);
    if (!found.isFile()) throw new Error(`${path} is not a file`);
    if (found.size > 0 && found.size + bytes.length > maxBytes) return false;
    writeWhole(file, bytes, found.size);
    return true;
  } finally {
    closeSync(file);
  }
}

/** One write; on a full disk what went in is taken out again, or half a line would spoil the next one. */
function writeWhole(file: number, bytes: Uint8Array, sizeBefore: number): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } catch (error) {
    ftruncateSync(file, sizeBefore);
    throw error;
  }
}

/**
 * The command that shows events on the desktop. Event data is an argument of its own, never part of a script:
 * notify-send, whose body knows markup, which is escaped (Desktop Notifications Specification 1.2), or osascript with
 * `on run argv` (macOS, not run here).
 */
export function notifyCommand(platform: string, consumer: string, events: readonly StoredEvent[]): string[] {
  const title = titleOf(consumer);
  const body = cutText(linesOf(events).join("\n"), MAX_NOTICE);
  if (platform === "darwin") {
    const script = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"];
    return ["/usr/bin/osascript", ...script.flatMap((line) => ["-e", line]), title, body];
  }
  const escaped = body.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return ["notify-send", "--app-name=offhook", "--", title, escaped];
}
