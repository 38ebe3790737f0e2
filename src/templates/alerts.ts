// Consumers that tell people, and the log. An address that is a secret in itself stands in secrets.env, the file says ${NAME}.

import type { Template, TemplateSecret } from "./template.ts";
import { consumerText, type Row } from "./text.ts";

/** What a person wants to hear of: the agent waits for them, or it was stopped by an error. */
const CALLS_FOR_A_PERSON = '["Notification", "StopFailure"]';

/** What flow spares people: one sentence a minute and session, and nothing about last night when the laptop wakes up. */
const SPARING: readonly Row[] = [
  { key: "key", value: '"{session}"', note: "Of a session that asks again and again, one in a minute is told." },
  { key: "cooldown", value: '"1m"' },
  { key: "max_age", value: '"1h"', note: "Nothing about last night when the laptop wakes up." },
];

type Alert = {
  id: string;
  title: string;
  about: string[];
  secret: TemplateSecret;
  preset: string | null;
  rows: readonly Row[];
};

function alert({ id, title, about, secret, preset, rows }: Alert): Template {
  const url = `url = "\${${secret.name}}"`;
  const webhook: Row = {
    key: "webhook",
    value: preset === null ? `{ ${url} }` : `{ ${url}, preset = "${preset}" }`,
    note: `${secret.name} is in secrets.env.`,
  };
  const [on, ...others] = rows;
  const text = consumerText(about, [...(on === undefined ? [] : [on]), webhook, ...others]);
  return { ...NOTHING_RUNS, id, title, kind: "alert", secret, text: () => text };
}

const NOTHING_RUNS = { executesProjectCode: false, needsProject: false, needs: [], secret: null };

/** An address of https, without a user, of one of these hosts and with a path that fits. */
function isAddress(text: string, host: RegExp | null, path: RegExp): boolean {
  const url = URL.parse(text);
  if (url === null || /\s/.test(text) || url.username !== "" || url.hostname === "") return false;
  if (host !== null) return url.protocol === "https:" && host.test(url.hostname) && path.test(url.pathname);
  return (url.protocol === "https:" || url.protocol === "http:") && path.test(url.pathname);
}

const CALLS: readonly Row[] = [{ key: "on", value: CALLS_FOR_A_PERSON }, ...SPARING];

export const ALERT_TEMPLATES: readonly Template[] = [
  alert({
    id: "slack",
    title: "Slack: when the agent needs you",
    about: [
      "A post in Slack when the agent waits for you, or was stopped by an error: the event, the project's name, the sentence.",
      'Nothing of your files is sent. More to hear of: add for instance "Stop" to on.',
    ],
    secret: {
      name: "SLACK_URL",
      question: "Address of an incoming webhook of Slack",
      looksRight: (text) => isAddress(text, /^hooks\.slack(-gov)?\.com$/, /^\/(services|workflows|triggers)\/./),
      looksLike: "https://hooks.slack.com/services/...",
    },
    preset: "slack",
    rows: CALLS,
  }),
  alert({
    id: "discord",
    title: "Discord: when the agent needs you",
    about: [
      "A post in Discord when the agent waits for you, or was stopped by an error: the event, the project's name, the sentence.",
      'Nothing of your files is sent. More to hear of: add for instance "Stop" to on.',
    ],
    secret: {
      name: "DISCORD_URL",
      question: "Address of a webhook of a Discord channel",
      looksRight: (text) =>
        isAddress(text, /^((ptb|canary)\.)?discord(app)?\.com$/, /^\/api\/(v\d+\/)?webhooks\/\d+\/./),
      looksLike: "https://discord.com/api/webhooks/...",
    },
    preset: "discord",
    rows: CALLS,
  }),
  alert({
    id: "ntfy",
    title: "ntfy: a push to your phone when the agent needs you",
    about: [
      "A push by ntfy when the agent waits for you, or was stopped by an error: the event, the project's name, the sentence.",
      "Nothing of your files is sent. On ntfy.sh whoever knows the name in the address reads along: make it long and random.",
      'A server that wants a token: add headers = { Authorization = "Bearer ${NTFY_TOKEN}" } to the webhook, and NTFY_TOKEN to',
      "secrets.env.",
    ],
    secret: {
      name: "NTFY_URL",
      question: "Address to push to, with its name: https://ntfy.sh/NAME",
      looksRight: (text) => isAddress(text, null, /^\/[\w/-]*[\w-]{1,64}$/),
      looksLike: "https://ntfy.sh/a-long-random-name",
    },
    preset: "ntfy",
    rows: CALLS,
  }),
  alert({
    id: "n8n",
    title: "n8n: start a workflow",
    about: [
      "Starts a workflow of n8n (its Webhook node, POST) with the whole event as JSON: prompts and last answers included.",
      "Each session's beginning, stops and end, and when the agent needs you. Add what you like to on; PostToolUse is most of all.",
    ],
    secret: {
      name: "N8N_URL",
      question: "Production URL of the Webhook node",
      looksRight: (text) => isAddress(text, null, /^\/./),
      looksLike: "https://n8n.example.com/webhook/...",
    },
    preset: "n8n",
    rows: [
      { key: "on", value: '["SessionStart", "Stop", "StopFailure", "Notification", "SessionEnd"]' },
      { key: "key", value: '"{session}"', note: "A session's events come in their order." },
      { key: "max_age", value: '"1d"' },
    ],
  }),
  alert({
    id: "webhook",
    title: "Any webhook: the event as JSON (CloudEvents)",
    about: [
      "One POST for each event, with the whole of it as a CloudEvent in JSON: prompts and last answers included.",
      'Another form: body = { text = "{type} in {project}" } in the webhook. A token: headers = { Authorization = "..." }.',
    ],
    secret: {
      name: "WEBHOOK_URL",
      question: "Address to post events to",
      looksRight: (text) => isAddress(text, null, /^\//),
      looksLike: "https://example.com/hooks/...",
    },
    preset: null,
    rows: [
      { key: "on", value: '["SessionStart", "Stop", "StopFailure", "Notification", "SessionEnd"]' },
      { key: "key", value: '"{session}"', note: "A session's events come in their order." },
      { key: "rate", value: '"60/m"', note: "What is more than that waits." },
      { key: "max_age", value: '"1d"' },
    ],
  }),
  {
    ...NOTHING_RUNS,
    id: "desktop",
    title: "Desktop notification: when the agent needs you",
    kind: "alert",
    needs: [process.platform === "darwin" ? "osascript" : "notify-send"],
    text: () =>
      consumerText(
        [
          "A notification on this desktop when the agent waits for you, or was stopped by an error.",
          "The daemon must be in your session: a service of the whole system has no desktop.",
        ],
        [
          { key: "on", value: CALLS_FOR_A_PERSON },
          { key: "builtin", value: '"notify"' },
          { key: "key", value: '"{session}"', note: "Asked ten times in a row, it is said once." },
          { key: "dedup", value: '"10s"' },
          { key: "max_age", value: '"5m"' },
        ],
      ),
  },
  {
    ...NOTHING_RUNS,
    id: "log",
    title: "Log: one line of JSON for each event",
    kind: "log",
    text: () =>
      consumerText(
        [
          "One line of JSON for each event in logs/ of offhook's home, with the whole payload: prompts and file contents included.",
          "At 64 MiB the file is moved to NAME.ndjson.1, in the place of the one before.",
          'Costs a hook of some 10 ms for every event and tool named here. on = ["*"] is everything, twice for each tool call.',
        ],
        [
          {
            key: "on",
            value:
              '["SessionStart", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "Notification", "SubagentStop", "Stop", "StopFailure", "SessionEnd"]',
          },
          { key: "builtin", value: '"log"' },
        ],
      ),
  },
];
