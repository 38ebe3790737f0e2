// Secrets that are options of well-known commands, whose names are too short to say so (-u, -p), and words of .netrc and SQL. Pure.
import type { Finder } from "./span.ts";
import { isPlaceholder } from "./values.ts";

const LOGIN = /(?:-u|--user|--proxy-user|-U)(?:[ \t]+|=)?\\*["']?[^\s:"'\\]{0,100}:([^\s"'\\]{1,300})/y;
const PASSWORD = /[ \t]-p[ \t]?(?:\\*["'])?([^\s"'\\-][^\s"'\\]{0,200})/y;
const PASSWORD_APART = /[ \t]-a[ \t]+(?:\\*["'])?([^\s"'\\-][^\s"'\\]{0,200})/y;
const COOKIES = /[ \t](?:-b|--cookie)[ \t=]+\\*["']([^"'\\\n]{1,4000})/y;
const NETRC = /password[ \t]+([^\s"'\\]{1,300})/y;
const SQL = /(?:\b|\\[nrt])IDENTIFIED\s{1,5}(?:WITH\s{1,5}\S{1,40}\s{1,5})?BY\s{1,5}'([^'\n]{1,200})'/gi;
const HTTP = /\b(?:curl|wget|http|https|xh)\b/;
const CLIENTS =
  /\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|sshpass|mongo|mongosh|mongodump|mongorestore)\b|\b(?:docker|podman|helm|az|oc|nerdctl)\b.*\blogin\b/;
/** How far back the command's name may stand, in characters. */
const MAX_COMMAND = 400;

/** Finds credentials among the options of commands: curl -u and -b, mysql -p, docker login -p, redis-cli -a; in .netrc; in SQL. */
export const findOptions: Finder = (text, add) => {
  const command = (at: number) => commandBefore(text, at);
  const after = (option: string, commands: RegExp, form: RegExp, kind: string, before = command) => {
    for (let at = text.indexOf(option); at >= 0; at = text.indexOf(option, at + option.length)) {
      form.lastIndex = at;
      const value = form.exec(text)?.[1];
      if (value === undefined || isPlaceholder(value) || !commands.test(before(at))) continue;
      add(form.lastIndex - value.length, form.lastIndex, kind);
    }
  };
  for (const option of ["-u", "-U", "--user", "--proxy-user"]) after(option, HTTP, LOGIN, "login");
  for (const option of [" -b", " --cookie"]) after(option, HTTP, COOKIES, "cookie");
  after(" -p", CLIENTS, PASSWORD, "password");
  after(" -a", /\b(?:redis|valkey)-cli\b/, PASSWORD_APART, "password");
  // .netrc may have each word on a line of its own.
  after("password", /\blogin\s{1,20}[^\s\\]{1,100}[\s\d→+>\\n\uffff-]{1,30}$/, NETRC, "password", (at) =>
    text.slice(Math.max(0, at - 150), at),
  );
  for (const found of text.matchAll(SQL)) {
    const end = found.index + found[0].length - 1;
    add(end - (found[1] ?? "").length, end, "password");
  }
};

/** The line that leads to a place, with the lines that it continues. In a text that is no JSON a `\n` may be written out: a gap too. */
function commandBefore(text: string, at: number): string {
  const before = text.slice(Math.max(0, at - MAX_COMMAND), at);
  let start = before.lastIndexOf("\n");
  while (start > 0 && before.charAt(start - 1) === "\\") start = before.lastIndexOf("\n", start - 1);
  return before.slice(start + 1).replace(/\\+[nrt]/g, " ");
}
