// Where an object ends, told without parsing, however its bytes are cut.
import { expect, test } from "bun:test";
import { makeObjectEnd } from "../src/spool/object-end.ts";

const isAtEnd = (text: string) => makeObjectEnd().isAtEnd(Buffer.from(text));

test("a whole object is at its end, with white space around it too", () => {
  for (const text of [
    "{}",
    ' \n{"a":[{"b":"}"}]}\r\n',
    '{"a":"\\""}',
    '{"a":"\\\\"}',
    '[{"a":"{["}]',
    '{"é":"\u{1f600}{"}',
  ]) {
    expect([text, isAtEnd(text)]).toEqual([text, true]);
  }
});

test("what is open, or never opened anything, is not", () => {
  for (const text of [
    "",
    "\n",
    "hello",
    '"}"',
    "{",
    '{"a":',
    '{"a":"}',
    '{"a":"}\\"}',
    '{"a":{"b":1}',
    "[{}",
    '{"a":"\\',
  ]) {
    expect([text, isAtEnd(text)]).toEqual([text, false]);
  }
});

test("it is the same at every cut, and no part of an object is a whole one", () => {
  const bytes = Buffer.from('{"a":"\\\\\\"}{","b":[{"c":"]"},[]],"é":{}}\n');
  const last = bytes.lastIndexOf("}");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const end = makeObjectEnd();
    expect([cut, end.isAtEnd(bytes.subarray(0, cut))]).toEqual([cut, cut > last]);
    expect([cut, end.isAtEnd(bytes)]).toEqual([cut, true]);
  }
});
