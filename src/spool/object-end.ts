// Whether bytes that came so far are one whole JSON object: braces and brackets counted outside strings, nothing parsed.
// Keeps its place, so each byte is looked at once however often it is asked. Pure.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export type ObjectEnd = {
  /** Given all bytes so far (those of the last call, and perhaps more): do they end outside of everything they opened? */
  isAtEnd(bytes: Uint8Array): boolean;
};

export function makeObjectEnd(): ObjectEnd {
  let at = 0;
  let depth = 0;
  let opened = false;
  let inString = false;

  return {
    isAtEnd(bytes) {
      for (; at < bytes.length; at++) {
        const byte = bytes[at];
        if (inString) {
          if (byte === BACKSLASH)
            at++; // The byte after it ends nothing; it may come with the next bytes.
          else if (byte === QUOTE) inString = false;
        } else if (byte === QUOTE) {
          inString = true;
        } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          depth++;
          opened = true;
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
          depth--;
        }
      }
      return opened && depth === 0 && !inString;
    },
  };
}
