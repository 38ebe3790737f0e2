// Whether a value that stands behind a secret's name is one, or only a word of code, a type, or a place to put one. Pure.

/** What stands where a secret will be, or what is no value: ${NAME}, <token>, {{ x }}, %s, ****, a type, a word for "none". */
const PLACEHOLDER =
  /^(?:\$(?:[A-Za-z_{(]|\d$|env:)|\$\{\{|\{\{|<[^>]*>?$|\{[\w.$ ]*\}?$|%[\w(%{]|#\{|@|\*+$|[xX]+$|\.+$|-+$|…$|\[redacted|\[\w+\]$|\(|\/\/|&$|\|-?$|>-?$|['"`])/;
const WORDS = new Set(
  `password passwd pass pwd secret token string str text number int integer float bool boolean bytes object any unknown undefined null
  none nil true false void never required optional hidden changeme change_me example placeholder your_password your_token yes no
  on off auto default basic bearer oauth oauth2 apikey api_key current-password new-password username user key value env file
  redacted empty missing invalid input self this type not is and or enabled disabled include omit same-origin encrypted x-oauth-basic x-access-token option options flag flags argument arguments parameter header headers to for from with in of the
  a an be can will must should`.split(/\s+/),
);

/** Whether a value is a placeholder, a word of a language, or nothing. */
export function isPlaceholder(value: string): boolean {
  if (value === "" || PLACEHOLDER.test(value)) return true;
  const bare = value.toLowerCase().replace(/[\s,;:.!?)\]}]+$/, "");
  return (
    bare === "" ||
    WORDS.has(bare) ||
    /^your[-_ ]/.test(bare) ||
    /^(?:process\.env|os\.environ|import\.meta|env\.|secrets\.|vars\.)/.test(bare)
  );
}

/** Whether a value without quotes is code: a call, an index, a member, a type. */
export function isCode(value: string): boolean {
  return (
    /[A-Za-z0-9_\]]\(|[()[\]{}<>]|=>|::|^[!~?:]/.test(value) ||
    /^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)+[,;]?$/.test(value) ||
    /^[A-Z][a-z]+(?:[A-Z][a-z]+)*[,;?]?$/.test(value) ||
    /[,;]$/.test(value) ||
    /^(?:await|new|async|function|lambda|return|typeof|not|if|null|self)\b/.test(value)
  );
}

/** Whether a value looks random: at least 8 characters without a space, letters with digits, and no id, path, number or plain name. */
export function looksRandom(value: string): boolean {
  if (value.length < 8 || /\s/.test(value) || isPlaceholder(value)) return false;
  if (!/[A-Za-z]/.test(value)) return false;
  if (!/\d/.test(value)) return value.length >= 20 && !isPath(value) && hasWildCase(value);
  if (isPath(value) || /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i.test(value)) return false;
  if (/^0x[\da-f]+[ul]*$/i.test(value) || /^[\d.,:_-]+(?:px|ms|s|kb|mb|gb|em|rem|vh|vw|%)?$/i.test(value)) return false;
  // token-2, auth_v2, sha256, step1: a name with a number.
  return !/^[A-Za-z]+(?:[-_.][A-Za-z]+)*[-_.]?v?\d{1,3}$/.test(value);
}

function isPath(value: string): boolean {
  return (
    /^(?:\.{0,2}\/|~\/|[A-Za-z]:\\|https?:\/\/|file:)/.test(value) ||
    /^[\w@.-]+(?:\/[\w@.-]+)*\.[a-z]{1,5}$/.test(value)
  );
}

/** Whether upper and lower case change as in base64, and not as in joinedWords. */
function hasWildCase(value: string): boolean {
  return (
    (value.match(/[a-z][A-Z]/g)?.length ?? 0) >= value.length / 8 && (value.match(/[A-Z](?=[A-Z])/g)?.length ?? 0) >= 2
  );
}
