// The questions about [cluster] on a terminal: address, user, password, certificate. Asks, and writes nothing; what is there already is
// what Enter keeps.
import * as prompts from "@clack/prompts";
import { CLUSTER_PASSWORD } from "../config/cluster.ts";
import { redisSettings } from "../config/redis-settings.ts";
import { OffhookError } from "../errors.ts";
import {
  type AskedCluster,
  addressesOf,
  addressProblem,
  type ClusterChance,
  type ClusterWish,
  reachOf,
} from "./cluster-wish.ts";
import { asking } from "./wizard.ts";

/** Whether this node should share events at all; Enter is a no. Error: Cancelled. */
export function askWhetherClustered(): Promise<boolean> {
  return asking((signal) =>
    prompts.confirm({
      signal,
      message: "Do several machines share events? (through a Redis of yours)",
      initialValue: false,
      active: "Yes",
      inactive: "No",
    }),
  );
}

/** Asks for everything that flags have not said. Errors: Cancelled; a flag that cannot be used (64). */
export async function askCluster(asked: AskedCluster, chance: ClusterChance, userHome: string): Promise<ClusterWish> {
  const { present, secrets } = chance;
  const url = asked.url ?? (await askAddress(present?.urls.join(", ") ?? ""));
  const written = reachOf({ urls: addressesOf(url), user: null, ca: asked.ca });
  const user = written.user ?? (await askUser(present?.user ?? ""));
  const name = (written.password ?? present?.password)?.slice(2, -1) ?? CLUSTER_PASSWORD;
  const isThere = Boolean(secrets[name]);
  const typed = await askPassword(isThere ? `Password (Enter: ${name} of secrets.env)` : "Password (Enter: none)");
  const isTls = written.urls.some((one) => one.startsWith("rediss:"));
  const ca = written.ca ?? (isTls ? await askCertificate(present?.ca ?? "", userHome) : null);
  return {
    reach: {
      urls: written.urls,
      user: user === "" ? null : user,
      password: typed !== "" || isThere ? `\${${name}}` : null,
      ca: ca === "" ? null : ca,
    },
    secret: typed === "" ? null : { name, value: typed },
  };
}

/** What to do where Redis was not reached. Error: Cancelled. */
export function askWhatNow(): Promise<"again" | "write" | "leave"> {
  return asking((signal) =>
    prompts.select({
      signal,
      message: "What now?",
      options: [
        { value: "again" as const, label: "Ask me again" },
        { value: "write" as const, label: "Write it anyway", hint: "it works when Redis does" },
        { value: "leave" as const, label: "No cluster for now" },
      ],
    }),
  );
}

async function askAddress(present: string): Promise<string> {
  const typed = await asking((signal) =>
    prompts.text({
      signal,
      message: "Address of Redis (several: a, b)",
      placeholder: "rediss://redis.example:6379",
      initialValue: present,
      validate: (text) => {
        const urls = addressesOf(text ?? "");
        return urls.length === 0 ? "It looks like rediss://redis.example:6379" : (addressProblem(urls) ?? undefined);
      },
    }),
  );
  return typed.trim();
}

async function askUser(present: string): Promise<string> {
  const typed = await asking((signal) =>
    prompts.text({ signal, message: "User (Enter: the default one)", initialValue: present, defaultValue: "" }),
  );
  return (typed ?? "").trim();
}

async function askPassword(message: string): Promise<string> {
  const typed = await asking((signal) => prompts.password({ signal, message }));
  return typed ?? "";
}

async function askCertificate(present: string, userHome: string): Promise<string> {
  const typed = await asking((signal) =>
    prompts.text({
      signal,
      message: "CA certificate (Enter: a public one)",
      placeholder: "~/.offhook/ca.pem",
      initialValue: present,
      defaultValue: "",
      validate: (text) => certificateProblem((text ?? "").trim(), userHome) ?? undefined,
    }),
  );
  return (typed ?? "").trim();
}

function certificateProblem(path: string, userHome: string): string | null {
  if (path === "") return null;
  if (!/^(\/|~\/)/.test(path)) return 'It is a path, absolute or with "~/" at its start';
  try {
    redisSettings({ urls: [], user: null, password: null, ca: path }, {}, userHome);
    return null;
  } catch (error) {
    if (error instanceof OffhookError) return error.message.replace(/^.*?": /, "");
    throw error;
  }
}
