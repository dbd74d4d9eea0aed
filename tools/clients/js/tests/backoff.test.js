import assert from 'node:assert/strict';
import test from 'node:test';
import { Backoff, RETRY_MS, RETRY_MS_MAX } from '../src/backoff.js';

test('the backoff doubles its longest wait up to a bound, and starts anew after a reset', () => {
  const backoff = new Backoff(undefined, () => 1);
  const waits = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30, 30].map((times) => times * RETRY_MS));
  assert.equal(waits.at(-1), RETRY_MS_MAX);
  backoff.reset();
  assert.equal(backoff.next(), RETRY_MS);
});

test('the backoff spreads its waits over the whole time, down to none', () => {
  const randoms = [0, 0.5, 0.25];
  const backoff = new Backoff(100, () => randoms.shift());
  assert.deepEqual([backoff.next(), backoff.next(), backoff.next()], [0, 100, 100]);
});

test('the backoff never comes back earlier than the server asked', () => {
  const backoff = new Backoff(100, () => 0);
  assert.equal(backoff.next(5_000), 5_000);
});

test('the backoff stays within its bound for ever', () => {
  const backoff = new Backoff(100, () => 1);
  for (let i = 0; i < 5_000; i += 1) backoff.next();
  assert.equal(backoff.next(), RETRY_MS_MAX);
});
