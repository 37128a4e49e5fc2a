/** One press of Ctrl-C counts once, however many ways it comes. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import type { SignalSource } from '../http/signals.ts';
import { pressedSignals } from './signals.ts';

class Terminal extends EventEmitter implements SignalSource {
  readonly exits: number[] = [];
  nowMs = 0;
  readonly clock: Clock = { ...systemClock, monotonicMs: () => this.nowMs };

  exit(code: number): void {
    this.exits.push(code);
  }
}

test('a signal right after the first is the same press, a later one is another', () => {
  const terminal = new Terminal();
  const source = pressedSignals(terminal, terminal.clock);
  const heard: number[] = [];
  const listener = (): void => void heard.push(terminal.nowMs);
  source.on('SIGINT', listener);
  for (const nowMs of [0, 1, 299, 300, 301]) {
    terminal.nowMs = nowMs;
    terminal.emit('SIGINT');
  }
  assert.deepEqual(heard, [0, 300, 301]);
  source.off('SIGINT', listener);
  terminal.emit('SIGINT');
  assert.equal(heard.length, 3);
  assert.equal(terminal.listenerCount('SIGINT'), 0);
});

test('a first SIGTERM right after a SIGINT is the same press too', () => {
  const terminal = new Terminal();
  const source = pressedSignals(terminal, terminal.clock);
  const heard: string[] = [];
  source.on('SIGINT', () => void heard.push('SIGINT'));
  source.on('SIGTERM', () => void heard.push('SIGTERM'));
  terminal.emit('SIGINT');
  terminal.emit('SIGTERM');
  assert.deepEqual(heard, ['SIGINT']);
  source.exit(130);
  assert.deepEqual(terminal.exits, [130]);
});
