import assert from 'node:assert/strict';
import test from 'node:test';
import { EventStreamParser } from '../src/event_stream_parser.js';

function read(chunks) {
  const seen = [];
  const parser = new EventStreamParser({
    onEvent: (event) => seen.push(event),
    onRetry: (ms) => seen.push({ retry: ms }),
  });
  for (const chunk of chunks) parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return seen;
}

const sample = '\ufeff: a comment\nretry: 1500\n\nevent: progress\nid: 7\ndata: {"name":"Zoë 🎉"}\n\n'
  + 'data:no space\ndata:  two\ndata\n\nid\ndata: x\n\nunknown: y\nretry: 1x\ndata: last\n\n';
const expected = [
  { retry: 1500 },
  { type: 'progress', id: '7', data: '{"name":"Zoë 🎉"}' },
  { type: 'message', id: '7', data: 'no space\n two\n' },
  { type: 'message', id: '', data: 'x' },
  { type: 'message', id: '', data: 'last' },
];

for (const [name, lineEnd] of [['LF', '\n'], ['CRLF', '\r\n'], ['CR', '\r']]) {
  test(`the parser reads ${name}, cut at any byte`, () => {
    const bytes = Buffer.from(sample.replaceAll('\n', lineEnd));
    assert.deepEqual(read([bytes]), expected);
    assert.deepEqual(read([...bytes].map((byte) => Buffer.from([byte]))), expected, 'byte by byte');
    for (let at = 1; at < bytes.length; at += 1) {
      assert.deepEqual(read([bytes.subarray(0, at), bytes.subarray(at)]), expected, `cut at ${at}`);
    }
  });
}

test('the parser keeps an event that has not ended to itself', () => {
  assert.deepEqual(read(['id: 1\ndata: whole\n\nid: 2\ndata: half\n']), [{ type: 'message', id: '1', data: 'whole' }]);
});

test('the parser dispatches nothing for a block without data, and remembers its id', () => {
  assert.deepEqual(read(['event: progress\nid: 3\n\ndata: x\n\n']), [{ type: 'message', id: '3', data: 'x' }]);
});

test('the parser ignores an id with a NUL in it', () => {
  assert.deepEqual(read(['id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n']).map(({ id }) => id), ['1', '1']);
});

test('the parser takes one byte order mark away, at the beginning only', () => {
  assert.deepEqual(read(['\ufeffdata: a\n\n', 'data: \ufeffb\n\n']).map(({ data }) => data), ['a', '\ufeffb']);
});
