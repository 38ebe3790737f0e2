// Secrets that are known by their form: JSON Web Tokens, credentials in addresses, tokens of services that have no beginning of
// their own. Pure.
import type { Finder } from "./span.ts";
import { beginsWord, endOf } from "./tokens.ts";
import { isPlaceholder, looksRandom } from "./values.ts";

const JWT_PART = /[\w-]*/y;

/** Finds JSON Web Tokens: at least two parts, the first begins with eyJ, which is {" in base64. */
export const findJwts: Finder = (text, add) => {
  for (let at = text.indexOf("eyJ"); at >= 0; ) {
    let next = at + 3;
    if (beginsWord(text, at)) {
      // Another eyJ inside the first part would end at the same place.
      const first = endOf(JWT_PART, text, at);
      next = first;
      let end = first;
      for (let parts = 1; parts < 5 && text.charAt(end) === "."; parts++) {
        const partEnd = endOf(JWT_PART, text, end + 1);
        if (partEnd - end < 9 && parts === 1) break;
        end = partEnd;
      }
      if (end > first && first - at >= 12) {
        add(at, end, "jwt");
        next = end;
      }
    }
    at = text.indexOf("eyJ", next);
  }
};

const AUTHORITY = /[^\s"'<>`\\/?#\uffff]{1,1000}/y;
const WIDE = /[^\s"'<>`\\\uffff]{1,300}/y;

/** Finds the password in ://user:password@host, and a token that stands there alone. */
export const findAddresses: Finder = (text, add) => {
  for (let at = text.indexOf("://"); at >= 0; at = text.indexOf("://", at + 3)) {
    const from = at + 3;
    let authority = text.slice(from, endOf(AUTHORITY, text, from));
    let host = authority.lastIndexOf("@");
    if (host < 0 && /^[^:@]*:(?!\d+$)/.test(authority)) {
      // A password that was not written as an address wants it: with / or # or ? in it.
      authority = text.slice(from, endOf(WIDE, text, from));
      host = authority.lastIndexOf("@");
    }
    if (host < 0) continue;
    const login = authority.slice(0, host);
    const colon = login.indexOf(":");
    if (colon >= 0) {
      if (!isPlaceholder(login.slice(colon + 1))) add(from + colon + 1, from + host, "url-password");
      // The token may be the user: https://TOKEN:x-oauth-basic@github.com
      if (colon >= 16 && looksRandom(login.slice(0, colon))) add(from, from + colon, "url-password");
    } else if (login.length >= 16 && looksRandom(login)) add(from, from + host, "url-password");
  }
};

const TELEGRAM = /\d{8,10}:AA[\w-]{32,33}/y;
const DISCORD = /[MNO][A-Za-z\d]{22,27}\.[\w-]{6}\.[\w-]{27,45}/y;
const MAILCHIMP = /[a-f0-9]{32}-us\d{1,2}/y;
const AZURE = /[\w~.]{3}\dQ~[\w~.-]{31,40}/y;

/** Finds tokens that are known by something in their middle. `before`: how many characters of it at most stand before that. */
export const findByMiddle: Finder = (text, add) => {
  const look = (middle: string, form: RegExp, kind: string, before: readonly number[]) => {
    for (let at = text.indexOf(middle); at >= 0; at = text.indexOf(middle, at + middle.length)) {
      for (const back of before) {
        const end = at < back ? at : endOf(form, text, at - back);
        if (end <= at || (kind !== "azure-secret" && !beginsWord(text, at - back))) continue;
        add(at - back, end, kind);
        break;
      }
    }
  };
  look(":AA", TELEGRAM, "telegram-token", [10, 9, 8]);
  look("-us", MAILCHIMP, "mailchimp-key", [32]);
  look("Q~", AZURE, "azure-secret", [4]);
  // Its first part is 23 to 28 characters, and its second part has 6: looked for at the dots.
  for (let at = text.indexOf("."); at >= 0; at = text.indexOf(".", at + 1)) {
    if (text.charAt(at + 7) !== ".") continue;
    for (const back of [24, 26, 28, 23, 25, 27]) {
      if (at < back || !beginsWord(text, at - back)) continue;
      const end = endOf(DISCORD, text, at - back);
      if (end > at) add(at - back, end, "discord-token");
    }
  }
};
