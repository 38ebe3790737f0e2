// Runs sentences about the stream on each of its backends: the node's ledger (a real SQLite file), and partitions of the cluster (a real
// Redis), there once with another owner wherever a test reopens it, and once with another owner after every single verb.
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "bun:test";
import { type Connection, connect } from "../src/redis/connection.ts";
import { needsRedis, plain } from "./redis-client.ts";
import { noRedis, type RedisServer, startRedis } from "./redis-server.ts";
import { openScratch } from "./scratch-ledger.ts";
import { openPartitions, type Tables } from "./scratch-partitions.ts";
import type { Ground, ShortWays } from "./stream-verbs.ts";

export type Backend = Ground &
  ShortWays & {
    /** Whether deliveries that are settled well stay in the tables. */
    keepsSettled: boolean;
    /** The next daemon, or the next owner. */
    reopen(): void | Promise<void>;
    end(): void | Promise<void>;
    /** Seqs of the stream's events. */
    seqs(): number[];
    /** What is durable of a group. */
    tables(consumer: string): Promise<Tables>;
  };

/** Runs `sentences` on each backend; they find it in what they are given. */
export function onEachBackend(sentences: (on: () => Backend) => void): void {
  describe("in the node's ledger:", () => {
    let on: Backend;
    beforeEach(() => {
      on = openLedgerBackend();
    });
    afterEach(() => on.end());
    sentences(() => on);
  });

  for (const everyVerb of [false, true]) {
    describe.skipIf(needsRedis)(`in partitions${everyVerb ? ", each verb by another owner" : ""}:${noRedis}`, () => {
      let server: RedisServer;
      let connection: Connection;
      let on: Backend;
      beforeAll(async () => {
        server = await startRedis();
        connection = connect(plain(server));
      });
      afterAll(async () => {
        connection.close();
        await server.stop();
      });
      beforeEach(() => {
        on = openPartitions(connection, { everyVerb });
      });
      afterEach(() => on.end());
      sentences(() => on);
    });
  }
}

function openLedgerBackend(): Backend {
  const scratch = openScratch();
  const rows = (table: string, consumer: string) =>
    scratch.sql<any>(`SELECT * FROM ${table} WHERE consumer = ?`, consumer);
  const parts = (table: string, consumer: string) =>
    // None of a delivery that is gone.
    scratch
      .sql<any>(`SELECT d.* FROM ${table} t LEFT JOIN deliveries d ON d.ordinal = t.delivery`)
      .filter((row) => row.consumer === consumer || row.consumer === null);
  return Object.assign(scratch, {
    keepsSettled: true,
    async tables(consumer: string): Promise<Tables> {
      return {
        groups: rows("groups", consumer),
        deliveries: rows("deliveries", consumer),
        attempts: parts("attempts", consumer),
        delivery_events: parts("delivery_events", consumer),
        marks: rows("marks", consumer),
        starts: rows("starts", consumer),
        skips: rows("skips", consumer).length,
      };
    },
  });
}
