// Where a Redis is and who we are there, from a url of the settings. Pure. What it shows to people has no user and no password.

/** What reaching a Redis needs; made from [cluster] of config.toml. */
export type RedisSettings = {
  /** redis:// or rediss:// (TLS), tried in turn for the primary. */
  urls: string[];
  /** Null: the url's, or the server's default user. */
  user: string | null;
  password: string | null;
  /** PEM text of the authorities that may have signed the server's certificate; null: those of the system. */
  ca: string | null;
};

/** Where a Redis is, and nothing that is secret. */
export type Place = {
  host: string;
  port: number;
  isTls: boolean;
  /** The user that will be named; null: none is. */
  user: string | null;
  /** For people: HOST:PORT. */
  shown: string;
};

/** One url taken apart; secretUrl is for the client, with user and password. */
export type Address = { place: Place; secretUrl: string };

const DEFAULT_PORT = 6379;

/** A url of the settings taken apart; null where it is none of redis:// and rediss://. */
export function parseAddress(url: string, settings: RedisSettings): Address | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || parsed.hostname === "" || !/^rediss?:$/.test(parsed.protocol)) return null;
  const user = settings.user ?? decoded(parsed.username);
  const password = settings.password ?? decoded(parsed.password);
  const port = parsed.port === "" ? DEFAULT_PORT : Number(parsed.port);
  const login =
    user === null && password === null
      ? ""
      : `${encodeURIComponent(user ?? "")}:${encodeURIComponent(password ?? "")}@`;
  const place = {
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    isTls: parsed.protocol === "rediss:",
    user,
    shown: `${parsed.hostname}:${port}`,
  };
  return { place, secretUrl: `${parsed.protocol}//${login}${parsed.hostname}:${port}${parsed.pathname}` };
}

/** A text without any password of the settings: a server may repeat what it was told (Redis before 6 does with HELLO). */
export function withoutPasswords(text: string, settings: RedisSettings): string {
  const passwords = [settings.password, ...settings.urls.map(passwordOf)];
  let clean = text;
  for (const password of passwords)
    if (password !== null && password !== "") {
      clean = clean.replaceAll(password, "***").replaceAll(encodeURIComponent(password), "***");
    }
  return clean;
}

function passwordOf(url: string): string | null {
  return URL.canParse(url) ? decoded(new URL(url).password) : null;
}

function decoded(part: string): string | null {
  if (part === "") return null;
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a bare % that escapes nothing: meant as it stands
  }
}
