// Tokens that are known by how they begin: of clouds, repositories, chats, payments, package registries and AI services. Pure.
//
// The beginnings are facts that their makers publish for secret scanners; most also stand in gitleaks' list of rules (read in
// version 8) and in GitHub's "Supported secret scanning patterns". One pass over the text looks three
// characters up in a table; what follows a beginning is tried there, a bounded number of characters: time grows with length alone.
import type { Finder } from "./span.ts";

type Rule = {
  kind: string;
  /** At least three ASCII characters each. */
  starts: readonly string[];
  /** What must follow the beginning; sticky; bounded. The rest of the same characters goes too. */
  body: RegExp;
  /** The beginning is so short that a word or a hash may hold it: only where no word character stands before it. */
  isShort?: boolean;
};

const rule = (kind: string, starts: string, body: RegExp, isShort = false): Rule => ({
  kind,
  starts: starts.split(" "),
  body: new RegExp(body.source, "y"),
  isShort,
});

const RULES: readonly Rule[] = [
  // Clouds and hosting
  rule("aws-key-id", "AKIA ASIA ABIA ACCA", /[A-Z2-7]{16}(?![A-Za-z0-9])/, true),
  rule("aws-bedrock-key", "ABSK", /[A-Za-z0-9+/]{100,255}={0,2}/, true),
  rule("google-api-key", "AIza", /[\w-]{35}/),
  rule("google-oauth-token", "ya29.", /[\w.-]{20,255}/),
  rule("google-oauth-secret", "GOCSPX-", /[\w-]{20,40}/),
  rule("google-refresh-token", "1//0", /[\w-]{40,255}/, true),
  rule("alibaba-key-id", "LTAI", /[A-Za-z0-9]{12,24}(?![A-Za-z0-9])/, true),
  rule("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", /[a-f0-9]{40,64}/),
  rule("heroku-token", "HRKU-", /[\w-]{30,100}/),
  rule("fly-token", "fo1_ fm1r_ fm1a_ fm2_", /[\w+/=-]{40,255}/),
  rule("vercel-token", "vcp_ vci_ vca_ vcr_ vck_", /[A-Za-z0-9]{24,80}/, true),
  rule("netlify-token", "nfp_", /[A-Za-z0-9]{36,48}/, true),
  rule("supabase-key", "sbp_ sb_secret_", /[\w-]{20,80}/, true),
  rule("planetscale-token", "pscale_tkn_ pscale_pw_ pscale_oauth_", /[\w.=-]{24,80}/),
  rule("databricks-token", "dapi", /[a-f0-9]{32}/, true),
  rule("cloudflare-token", "v1.0-", /[a-f0-9]{24}-[a-f0-9]{100,146}/, true),
  rule("render-key", "rnd_", /[A-Za-z0-9]{28,40}/, true),
  rule("azure-signature", "sig=", /(?=[^\s"'&]*%)[A-Za-z0-9%+/]{40,120}/, true),
  // Repositories and CI
  rule("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", /\w{30,255}/),
  rule("github-token", "github_pat_", /\w{30,255}/),
  rule(
    "gitlab-token",
    "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- gloas- glffct- glwt-",
    /[\w.=-]{18,255}/,
  ),
  rule("bitbucket-token", "ATBB", /[\w=-]{28,255}/, true),
  rule("atlassian-token", "ATATT3 ATCTT3", /[\w=-]{50,255}/),
  rule("linear-key", "lin_api_ lin_oauth_", /[A-Za-z0-9]{32,80}/),
  rule("buildkite-token", "bkua_ bkpt_", /[a-z0-9]{40}/, true),
  rule("circleci-token", "CCIPAT_ CCIPRJ_", /\w{20,100}/),
  rule("pulumi-token", "pul-", /[a-f0-9]{40}/, true),
  rule("terraform-token", ".atlasv1.", /[\w=-]{50,255}/),
  rule("vault-token", "hvs. hvb. hvr.", /[\w-]{20,255}/, true),
  rule("doppler-token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", /[\w.-]{30,100}/, true),
  rule("age-key", "AGE-SECRET-KEY-1", /[A-Z0-9]{40,80}/),
  rule("onepassword-token", "ops_eyJ", /[A-Za-z0-9+/=_-]{100,2000}/),
  rule("tailscale-key", "tskey-", /[a-z]+-[\w-]{16,80}/),
  // Chat and mail
  rule("slack-token", "xoxb- xoxa- xoxp- xoxr- xoxs- xoxe- xoxo- xoxc- xoxd- xoxe.xox xapp-", /[\w%.+/=-]{10,255}/),
  rule("slack-webhook", "hooks.slack.com/", /(?:services|workflows|triggers)\/[\w/+-]{20,120}/),
  rule("discord-webhook", "discord.com/api/webhooks/ discordapp.com/api/webhooks/", /\d{10,24}\/[\w-]{30,120}/),
  rule("teams-webhook", ".webhook.office.com/", /webhookb2\/[\w@/-]{30,255}/),
  rule("sendgrid-key", "SG.", /[\w-]{16,40}\.[\w-]{30,64}/, true),
  rule("mailgun-key", "key-", /[a-f0-9]{32}(?![A-Za-z0-9])/, true),
  rule("brevo-key", "xkeysib- xsmtpsib-", /[a-f0-9]{40,64}(?:-[A-Za-z0-9]{10,20})?/),
  rule("resend-key", "re_", /(?=\w{0,40}\d)[A-Za-z0-9]{8}_[A-Za-z0-9]{20,40}/, true),
  rule(
    "twilio-key",
    "SK0 SK1 SK2 SK3 SK4 SK5 SK6 SK7 SK8 SK9 SKa SKb SKc SKd SKe SKf",
    /[a-f0-9]{31}(?![A-Za-z0-9])/,
    true,
  ),
  // Payments and shops
  rule("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ rk_prod_", /[A-Za-z0-9]{10,255}/),
  rule("stripe-webhook-secret", "whsec_", /[A-Za-z0-9+/=]{24,100}/),
  rule("square-token", "sq0atp- sq0csp-", /[\w-]{22,60}/),
  rule("square-token", "EAAA", /[\w-]{60}/, true),
  rule("facebook-token", "EAAC EAAM EAAB EAAG EAAD EAAE EAAH EAAJ", /[A-Za-z0-9]{100,255}/, true),
  rule("shopify-token", "shpat_ shpca_ shppa_ shpss_ shpua_", /[a-fA-F0-9]{32}/),
  rule("paypal-token", "access_token$production$ access_token$sandbox$", /[a-z0-9]{10,30}\$[a-f0-9]{32}/),
  rule("razorpay-key", "rzp_live_ rzp_test_", /[A-Za-z0-9]{14,40}/),
  rule("flutterwave-key", "FLWSECK-", /[\w-]{12,60}/),
  rule("shippo-token", "shippo_live_ shippo_test_", /[a-f0-9]{40}/),
  rule("easypost-key", "EZAK EZTK", /[A-Za-z0-9]{54}/, true),
  rule("plaid-token", "access-production- access-sandbox- access-development-", /[\da-f-]{36}/),
  rule("duffel-token", "duffel_live_ duffel_test_", /[\w=-]{40,60}/),
  // Package registries
  rule("npm-token", "npm_", /[A-Za-z0-9]{30,60}/, true),
  rule("pypi-token", "pypi-", /AgE[\w-]{40,255}/, true),
  rule("rubygems-key", "rubygems_", /[a-f0-9]{40,64}/),
  rule("crates-token", "cio", /[A-Za-z0-9]{32}(?![A-Za-z0-9])/, true),
  rule("nuget-key", "oy2", /[a-z0-9]{43}(?![A-Za-z0-9])/, true),
  rule("docker-token", "dckr_pat_ dckr_oat_", /[\w-]{20,80}/),
  rule("artifactory-key", "AKCp", /[A-Za-z0-9]{50,100}/, true),
  rule("artifactory-token", "cmVmdGtuO", /[A-Za-z0-9]{40,100}/, true),
  rule("clojars-token", "CLOJARS_", /[a-z0-9]{40,80}/),
  // AI services
  rule("anthropic-key", "sk-ant-", /[\w-]{20,255}/),
  rule("openai-key", "sk-proj- sk-svcacct- sk-admin- sk-None-", /[\w-]{20,255}/),
  rule("openrouter-key", "sk-or-v1-", /[a-f0-9]{40,80}/),
  rule("ai-service-key", "sk-", /(?=[A-Za-z0-9]{0,60}\d)(?=[A-Za-z0-9]{0,60}[A-Za-z])[A-Za-z0-9]{32,100}/, true),
  rule("huggingface-token", "hf_ api_org_", /[A-Za-z]{30,60}(?![A-Za-z0-9_])|[A-Za-z0-9]{30,60}/, true),
  rule("replicate-token", "r8_", /[A-Za-z0-9]{30,60}/, true),
  rule("groq-key", "gsk_", /[A-Za-z0-9]{40,80}/, true),
  rule("xai-key", "xai-", /[A-Za-z0-9]{60,120}/, true),
  rule("perplexity-key", "pplx-", /[A-Za-z0-9]{32,80}/),
  rule("langchain-key", "lsv2_pt_ lsv2_sk_", /[a-f0-9]{32}_[a-f0-9]{10}/),
  rule("tavily-key", "tvly-", /[\w-]{20,80}/),
  rule("nvidia-key", "nvapi-", /[\w-]{40,100}/),
  rule("bearer-token", "Bearer bearer BEARER", / (?=[\w.~+/-]{0,300}\d)[\w.~+/-]{20,300}=*/, true),
  // Everything else that has a beginning of its own
  rule("notion-token", "ntn_ secret_", /(?=[A-Za-z0-9]{0,50}\d)[A-Za-z0-9]{40,60}/, true),
  rule("figma-token", "figd_ figo_", /[\w-]{36,80}/),
  rule("airtable-token", "pat", /[A-Za-z0-9]{14}\.[a-f0-9]{64}/, true),
  rule("sentry-token", "sntrys_ sntryu_", /[\w+/=-]{50,1000}/),
  rule("grafana-token", "glsa_ glc_", /[\w+/=]{32,400}/, true),
  rule("newrelic-key", "NRAK- NRIQ- NRRA- NRJS-", /[A-Za-z0-9]{19,50}/),
  rule("dynatrace-token", "dt0c01. dt0s16. dt0s01.", /[A-Z0-9]{8,30}\.[A-Z0-9]{40,80}/i),
  rule("postman-key", "PMAK-", /[a-f0-9]{24}-[a-f0-9]{34}/),
  rule("launchdarkly-key", "sdk- api-", /[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/, true),
  rule("contentful-token", "CFPAT-", /[\w-]{40,60}/),
  rule("typeform-token", "tfp_", /[\w.=-]{40,80}/, true),
  rule("mapbox-token", "sk.eyJ", /[\w.-]{40,300}/),
  rule("okta-token", "SSWS", / [\w-]{30,60}/, true),
  rule("aws-signature", "X-Amz-Signature=", /[a-f0-9]{64}/),
  rule("aws-session", "X-Amz-Security-Token=", /[\w%+/=-]{50,3000}/),
];

const SEARCHES = RULES.flatMap((one) => one.starts.map((start) => ({ start, ...one })));
/** Searches by the three characters that they begin with. */
const BY_HEAD = Map.groupBy(SEARCHES, ({ start }) =>
  headOf(start.charCodeAt(0), start.charCodeAt(1), start.charCodeAt(2)),
);
/** The three characters that any token begins with. */
export const TOKEN_HEADS: readonly string[] = [...new Set(SEARCHES.map(({ start }) => start.slice(0, 3)))];
/** Whether any search begins with three characters, by slotOf. */
const HEADS = new Uint8Array(1 << 15);
for (const head of TOKEN_HEADS) HEADS[slotOf(head.charCodeAt(0), head.charCodeAt(1), head.charCodeAt(2))] = 1;
const REST = /[\w+/=-]*/y;
const REST_PLAIN = /\w*/y;

/** Finds tokens by their beginnings. */
export const findTokens: Finder = (text, add) => {
  let a = text.charCodeAt(0);
  let b = text.charCodeAt(1);
  for (let at = 0; at + 2 < text.length; at++) {
    const c = text.charCodeAt(at + 2);
    const isHead = HEADS[slotOf(a, b, c)] === 1;
    a = b;
    b = c;
    if (!isHead) continue;
    const token = tokenAt(text, at);
    if (token === null) continue;
    add(at, token.end, token.kind);
    at = token.end - 1;
    a = text.charCodeAt(at + 1);
    b = text.charCodeAt(at + 2);
  }
};

/** Three characters as one number. */
function headOf(a: number, b: number, c: number): number {
  return (a * 65_536 + b) * 65_536 + c;
}

function slotOf(a: number, b: number, c: number): number {
  return ((a << 10) ^ (b << 5) ^ c) & 0x7fff;
}

/** The token that begins at a place; null: none does. */
export function tokenAt(text: string, at: number): { end: number; kind: string } | null {
  const searches = BY_HEAD.get(headOf(text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2)));
  if (searches === undefined) return null;
  for (const { start, body, kind, isShort } of searches) {
    if (!text.startsWith(start, at) || (isShort === true && !beginsWord(text, at))) continue;
    body.lastIndex = at + start.length;
    if (!body.test(text)) continue;
    // Longer than any we know is still that token, and not the rest of it as plain text.
    const end = body.lastIndex;
    return { end: endOf(body.source.includes("/") ? REST : REST_PLAIN, text, end), kind };
  }
  return null;
}

/** Whether no word goes on at a place: nothing before it, or an escape (\n, %20, \x1b[31m, \u003d) that only looks like one. */
export function beginsWord(text: string, at: number): boolean {
  if (at === 0 || !/[A-Za-z0-9_]/.test(text.charAt(at - 1))) return true;
  return /(?:\\[nrtbfv0]|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\[[\d;]{1,10}m)$/.test(
    text.slice(Math.max(0, at - 12), at),
  );
}

/** Where a stretch of characters that begins here ends. */
export function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : at;
}
