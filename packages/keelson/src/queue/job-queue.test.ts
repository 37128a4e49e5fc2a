/** What a queue asks for: as much as it can run, more when jobs are quick, nothing when nothing was left; and from where it walks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { defineJobs } from './define-jobs.ts';
import { JobQueue } from './job-queue.ts';
import { JobRun } from './job-run.ts';
import { Numbered } from './jobs.fixture.ts';

const kinds = defineJobs<undefined>()({ add: { payload: Numbered, concurrency: 5, queue: 'default', run: () => undefined } });

/** A queue whose jobs end at once, and whose clock is moved by hand. */
function openQueue() {
  const time = { ms: 0 };
  const clock: Clock = { ...systemClock, monotonicMs: () => time.ms };
  const [declared] = kinds.queues;
  assert.ok(declared !== undefined);
  const queue = new JobQueue<undefined>(declared, { clock, ended: () => undefined });
  const ready = kinds.kinds.get('add');
  assert.ok(ready !== undefined);
  let made = 0;
  /** Answers the queue's request with so many jobs. */
  const answer = (count: number): number => {
    const request = queue.request();
    const origin = { ready, queue: 'default', owner: 1, ground: { services: undefined, log: silentLog } };
    const runs = Array.from({ length: Math.min(count, request.limit) }, () => {
      made += 1;
      const id = String(made).padStart(6, '0');
      return new JobRun([id, 'add', '{"n":1}', '1', '10', '0', `2026-01-01 00:00:00.${id}+00`, '1'], origin, time.ms);
    });
    queue.take(runs, request);
    return request.limit;
  };
  return { queue, time, answer };
}

test('it asks for what it can run, and for more when its jobs are quick', () => {
  const { queue, time, answer } = openQueue();
  assert.equal(answer(1_000), 5);
  time.ms += 5;
  assert.equal(answer(1_000), 5 + 12, 'five jobs in five milliseconds, halved, for the next 25');
  for (let turn = 0; turn < 30; turn += 1) {
    time.ms += 5;
    answer(1_000);
  }
  assert.equal(queue.request().limit, 1_000, 'at the most a thousand');
  time.ms += 60_000;
  assert.ok(queue.request().limit < 20, 'the pace is forgotten after a quiet while');
});

test('it asks no more when less came than it asked for, until it is woken', () => {
  const { queue, answer } = openQueue();
  answer(3);
  assert.equal(queue.request().limit, 0);
  queue.wake();
  assert.equal(queue.request().limit, 5);
  const early = queue.request();
  queue.wake();
  queue.take([], early);
  assert.equal(queue.request().limit, 5, 'what woke it during the claim may have come too late for the claim to see');
});

test('a claim walks from the last job that was got, and from the beginning after a claim that came short, or when jobs have come back', () => {
  const { queue, answer } = openQueue();
  answer(1_000);
  assert.equal(queue.watermark?.id, '000005');
  answer(1_000);
  assert.equal(queue.watermark.id, '000010');
  queue.wake();
  assert.equal(queue.watermark.id, '000010');
  queue.wake(true);
  assert.equal(queue.watermark, undefined);
  answer(1_000);
  answer(2);
  assert.equal(queue.watermark, undefined);
});
