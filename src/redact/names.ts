// Whether a name calls its value a secret: DB_PASSWORD, clientSecret, x-api-key, Authorization. Pure.
import { remembering } from "./remembering.ts";

/** What is longer is no name. */
const MAX_NAME = 100;

/** sure: any value is one. likely: a value that looks random is one (`token` is also a word of parsers). */
export type NameStrength = "sure" | "likely";

/** Endings, words joined by "_", after a number or the name of a place was taken off. */
const SURE = new Set(
  `password passwd passphrase passcode pwd pass_phrase secret secret_key secret_access_key secret_key_base api_key apikey api_secret
  app_secret client_secret consumer_secret shared_secret webhook_secret signing_secret jwt_secret access_key access_key_secret
  private_key privkey ssh_key encryption_key decryption_key signing_key master_key account_key shared_access_key storage_key
  session_key service_key deploy_key license_key auth_key admin_key subscription_key access_token auth_token refresh_token
  id_token bearer_token session_token security_token private_token personal_access_token api_token bot_token app_token job_token
  deploy_token registry_token npm_token github_token gitlab_token vault_token oauth_token user_token admin_token service_token
  credential credentials authorization auth_header password_hash passwd_hash connection_string dsn_secret totp_secret otp_secret
  mfa_secret salt_key hmac_key hmac_secret cookie_secret session_secret secret_token secret_value db_pass database_pass
  mysql_pass smtp_pass mail_pass ftp_pass redis_pass root_pass admin_pass user_pass key_pass store_pass keystore_pass
  account_secret bot_secret aws_secret sas_token shared_access_signature access_signature x_amz_signature requirepass masterauth`.split(
    /\s+/,
  ),
);
const LIKELY = new Set(
  "token secrets passwords tokens_secret auth authtoken authkey apitoken accesstoken jwt cookie cookies set_cookie session_cookie sig signature sas pat otp pin bearer creds webhook_url key_base pass passkey nonce_secret csrf_token xsrf_token".split(
    " ",
  ),
);
/** Tokens that are places in a list, not keys to a door. */
const NO_SECRET =
  /(?:^|_)(?:next|page|pagination|continuation|cancellation|cursor|sync|start|stop|eos|bos|pad|unk|mask|sep|cls|public|publishable|max|min|num|total|prompt|completion|input|output|first|last|current|prev|peek|expected|unexpected)_(?:page_)?(?:token|key|secret|password)$/;
/** What may follow a secret's name and changes nothing: DB_PASSWORD_PROD, apiKey2. */
const TAIL =
  /(?:_(?:\d+|prod|production|dev|development|stage|staging|test|live|old|new|value|b64|base64|plain|plaintext|default|primary|secondary|current|encrypted|raw|string|str))+$/;
/** Written as one word. */
const JOINED =
  /(?:password|passwd|passphrase|secretkey|accesskey|privatekey|apikey|apisecret|clientsecret|authtoken|accesstoken|refreshtoken|secretaccesskey)\d*$/;

/** How surely a name calls its value a secret; null: it does not. In any spelling: camelCase, snake_case, kebab-case, with dots. */
export const nameStrength = remembering(strengthOf, { most: 5_000, longest: MAX_NAME });

function strengthOf(name: string): NameStrength | null {
  if (name.length > MAX_NAME) return null;
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .replace(TAIL, "");
  if (words === "" || NO_SECRET.test(words)) return null;
  let isLikely = false;
  // From each word on to the end: db_client_secret, client_secret, secret.
  for (let from = 0; from >= 0; ) {
    const ending = words.slice(from);
    if (SURE.has(ending)) return "sure";
    isLikely ||= LIKELY.has(ending) && (ending !== "pass" && ending !== "key" ? true : from > 0 || ending === "pass");
    const next = words.indexOf("_", from);
    from = next < 0 ? -1 : next + 1;
  }
  if (JOINED.test(words)) return "sure";
  return isLikely ? "likely" : null;
}

/** Whether a variable of the environment is named like a secret. */
export function isSecretName(name: string): boolean {
  return nameStrength(name) !== null;
}
