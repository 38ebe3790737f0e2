// The words of `--help` for what is there for several machines only.
import type { Help } from "./help-installation.ts";

export const CLUSTER: Record<string, Help> = {
  cluster: {
    usage: "offhook cluster ping|nodes|forget NODE [--json]",
    about: "The machines that share a Redis. offhook setup --cluster writes [cluster] of config.toml.",
    options: [
      "ping          each address: is it the primary, which version, how far away, what is wrong with it",
      "nodes         who is there, who is silent, what each has to do, and what it owns",
      "forget NODE   takes away the record of a node that is gone for good; what it sent stays. One that comes back is",
      "              there again, and goes on where it was",
    ],
    example: ["offhook cluster ping", "offhook cluster nodes", "offhook cluster forget old-laptop"],
    exits:
      "0 well, 1 Redis is reached and unsafe, 64 usage, 66 no such node, 69 Redis cannot be reached, 75 only a replica, or the node is alive, 78 Redis refuses, or no [cluster]",
  },
};
