// A settings text as it may be shown: what stands under `env` and `headers` is often a token, and a terminal, a log of a fleet and a
// pasted diff are read by others. Pure.
import { keyOf, parseSettingsText, type SettingsNode } from "./settings-text.ts";

const PRIVATE = new Set(["env", "headers"]);
const INSTEAD = '"…"';

/** The text with each string under those keys replaced; lines stay lines. A text that does not parse is not shown at all; null stays. */
export function shownText(text: string | null): string | null {
  if (text === null) return null;
  const parsed = parseSettingsText(text);
  if (parsed.kind !== "ok") return "";
  const { body, mark, root } = parsed.tree;
  if (root === null) return text;
  let shown = "";
  let at = 0;
  for (const { offset, length } of privateStrings(root, false)) {
    shown += body.slice(at, offset) + INSTEAD;
    at = offset + length;
  }
  return mark + shown + body.slice(at);
}

/** The strings to hide, in the order of the text. Keys stay. */
function privateStrings(node: SettingsNode, isPrivate: boolean): SettingsNode[] {
  switch (node.type) {
    case "string":
      return isPrivate ? [node] : [];
    case "property": {
      const value = node.children?.[1];
      return value === undefined ? [] : privateStrings(value, isPrivate || PRIVATE.has(keyOf(node)));
    }
    default:
      return (node.children ?? []).flatMap((child) => privateStrings(child, isPrivate));
  }
}
