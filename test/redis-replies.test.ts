import { expect, test } from "bun:test";
import { connect } from "../src/redis/connection.ts";
import { entriesByStream, entriesOf, pairsOf } from "../src/redis/replies.ts";
import { endWithTest, plain, QUICK, testOnRedis } from "./redis-client.ts";
import { startRedis } from "./redis-server.ts";

testOnRedis("hashes and streams are read into the same shapes, whatever their names and values are", async () => {
  const server = await startRedis();
  const connection = endWithTest(connect(plain(server), QUICK));
  const wanted = [
    ["10", "b"],
    ["9", ""],
    ["__proto__", "1"],
    ["toString", "a\0ü"],
  ] as [string, string][];
  await connection.send("HSET", ["h", ...wanted.flat()]);
  expect([...pairsOf(await connection.send("HGETALL", ["h"]))].sort()).toEqual(wanted);
  expect(pairsOf(await connection.send("EVAL", ["return redis.call('HGETALL', 'h')", 0])).get("__proto__")).toBe("1");
  expect(pairsOf(await connection.send("HGETALL", ["absent"])).size).toBe(0);
  await connection.send("XADD", ["s", "1-0", ...wanted.flat()]);
  await connection.send("XADD", ["s", "2-0", "e", "x"]);
  const entries = entriesOf(await connection.send("XRANGE", ["s", "-", "+"]));
  expect(entries.map(({ id, fields }) => [id, [...fields]])).toEqual([
    ["1-0", wanted],
    ["2-0", [["e", "x"]]],
  ]);
  const read = entriesByStream(await connection.send("XREAD", ["COUNT", 1, "STREAMS", "s", "other", "1-0", "0"]));
  expect([...read].map(([stream, [first]]) => [stream, first?.id])).toEqual([["s", "2-0"]]);
  expect(entriesByStream(await connection.send("XREAD", ["BLOCK", 1, "STREAMS", "s", "$"])).size).toBe(0);
  expect(entriesOf(await connection.send("XRANGE", ["absent", "-", "+"]))).toEqual([]);
});

test("a reply of another shape is an error, not an empty list", () => {
  expect(() => pairsOf("OK")).toThrow("not a map");
  expect(() => entriesOf("OK")).toThrow("not a list of entries");
  expect(() => entriesByStream("OK")).toThrow("not a reply of XREAD");
});
