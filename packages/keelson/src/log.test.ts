/** What a line of the log looks like, and what is never in it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Clock } from './clock.ts';
import { KeelsonError } from './errors.ts';
import { createLog, silentLog, type Log, type LogLevel } from './log.ts';

const clock: Clock = { now: () => new Date('2026-11-20T10:00:00.123Z'), monotonicMs: () => 0, sleep: () => Promise.resolve() };

function listen(level: LogLevel = 'debug', format: 'json' | 'pretty' = 'json'): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ level, format, clock, destination: { write: (line) => lines.push(line) } }), lines };
}

function parsed(lines: readonly string[]): unknown[] {
  return lines.map((line): unknown => JSON.parse(line));
}

test('an event is one line of JSON with time, level, event and its fields', () => {
  const { log, lines } = listen();
  log.info('http.request', { method: 'GET', path: '/health', status: 200, duration_ms: 1.25 });
  assert.deepEqual(parsed(lines), [
    {
      time: '2026-11-20T10:00:00.123Z',
      level: 'info',
      event: 'http.request',
      method: 'GET',
      path: '/health',
      status: 200,
      duration_ms: 1.25,
    },
  ]);
  assert.equal(lines[0]?.endsWith('}\n'), true);
  assert.equal(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
});

test('each level writes its name, and an event needs no fields', () => {
  const { log, lines } = listen();
  log.debug('a.debug');
  log.info('a.info');
  log.warn('a.warn');
  log.error('a.error');
  assert.deepEqual(
    parsed(lines).map((line) => inspect(line, { breakLength: Infinity })),
    ['debug', 'info', 'warn', 'error'].map((level) => `{ level: '${level}', time: '2026-11-20T10:00:00.123Z', event: 'a.${level}' }`),
  );
});

test('events below the level are not written, and their fields are not looked at', () => {
  const { log, lines } = listen('error');
  const fields = {
    get costly(): string {
      throw new RangeError('looked at');
    },
  };
  log.debug('no', fields);
  log.info('no', fields);
  log.warn('no', fields);
  log.error('yes');
  assert.equal(lines.length, 1);
  const warnings = listen('warn');
  warnings.log.error('yes');
  warnings.log.warn('yes');
  warnings.log.info('no');
  assert.equal(warnings.lines.length, 2);
});

test('a silent log writes nothing, and neither do its children', () => {
  const { log, lines } = listen('silent');
  for (const each of [log, log.child({ a: 1 }), silentLog, silentLog.child({ a: 1 })]) {
    each.debug('no');
    each.info('no');
    each.warn('no');
    each.error('no');
  }
  assert.deepEqual(lines, []);
  assert.equal(log, silentLog);
});

test('a child adds its fields to every line, a line may say otherwise, and no name stands twice', () => {
  const { log, lines } = listen();
  const child = log.child({ request_id: 'r1', password: 'hunter2' }).child({ user_id: 'u1' });
  child.info('one.done');
  child.info('two.done', { user_id: 'u2' });
  log.info('three.done');
  const time = '2026-11-20T10:00:00.123Z';
  assert.deepEqual(parsed(lines), [
    { time, level: 'info', event: 'one.done', request_id: 'r1', password: '••••', user_id: 'u1' },
    { time, level: 'info', event: 'two.done', request_id: 'r1', password: '••••', user_id: 'u2' },
    { time, level: 'info', event: 'three.done' },
  ]);
  assert.equal(lines[1]?.split('"user_id"').length, 2);
});

test('a field cannot replace the time, the level or the event', () => {
  const { log, lines } = listen();
  log.info('real.event', { time: 'never', level: 'fatal', event: 'forged', safe: 1 });
  assert.equal(lines[0]?.split('"event":').length, 2);
  assert.deepEqual(parsed(lines), [
    { time: '2026-11-20T10:00:00.123Z', level: 'info', event: 'real.event', safe: 1, time_: 'never', level_: 'fatal', event_: 'forged' },
  ]);
});

test('a line break in an event or a field does not begin a new line', () => {
  const { log, lines } = listen();
  log.info('evil\n{"level":"error"}', { path: '/a\r\n{"level":"error"}' });
  assert.equal(lines.join('').trimEnd().split('\n').length, 1);
});

test('what cannot be written as JSON does not throw', () => {
  const { log, lines } = listen();
  const circle: Record<string, unknown> = { name: 'circle' };
  circle['self'] = circle;
  log.info('odd.values', {
    circle,
    big: 10n,
    nan: Number.NaN,
    when: new Date(Number.NaN),
    none: undefined,
    call: () => 1,
    sign: Symbol('s'),
  });
  assert.deepEqual(parsed(lines), [
    {
      time: '2026-11-20T10:00:00.123Z',
      level: 'info',
      event: 'odd.values',
      circle: { name: 'circle', self: '[circular]' },
      big: '10',
      nan: 'NaN',
      when: null,
      call: '[function]',
      sign: 'Symbol(s)',
    },
  ]);
});

test('an error is written with code, hint, causes and stack', () => {
  const { log, lines } = listen();
  const cause = new TypeError('socket closed');
  log.error('database.error', { error: new KeelsonError('POOL_EXHAUSTED', { data: { holder: 'GET /x' }, cause }) });
  const [line] = lines;
  assert.ok(line !== undefined);
  assert.match(line, /"name":"KeelsonError","code":"POOL_EXHAUSTED","message":"Every database connection is in use\."/);
  assert.match(line, /"hint":"Shorten what holds connections/);
  assert.match(line, /"data":\{"holder":"GET \/x"\}/);
  assert.match(line, /"cause":\{"name":"TypeError","message":"socket closed","stack":"TypeError: socket closed\\n/);
});

test('the readable form shows time, level, event and fields on one line, without colour unless asked', () => {
  const { log, lines } = listen('info', 'pretty');
  log.info('http.request', { status: 200, token: 'never-shown' });
  assert.match(lines[0] ?? '', /^\[\d\d:\d\d:00\.123\] INFO: http\.request \{"status":200,"token":"••••"\}\n$/);
});

test('the readable form shows an error with its stack over several lines', () => {
  const { log, lines } = listen('info', 'pretty');
  log.error('worker.failed', { error: new KeelsonError('MISUSE', { message: 'It broke.' }) });
  assert.match(lines.join(''), /ERROR: worker\.failed/);
  assert.match(lines.join(''), /KeelsonError: It broke\.\n\s+at /);
});

test('colour is there when it is asked for', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'pretty', color: true, destination: { write: (line) => lines.push(line) } });
  log.info('server.listening');
  assert.ok(lines.join('').includes('\u001B[36mserver.listening'));
});

test('nothing is lost when the process ends right after writing, to standard output by default or to a file descriptor', () => {
  const program = (options: string): string => `
    const { createLog } = await import(${JSON.stringify(new URL('log.ts', import.meta.url).href)});
    const log = createLog(${options});
    for (let count = 0; count < 500; count += 1) log.info('tick.counted', { count });
    process.exit(0);`;
  for (const [options, stream] of [
    [`{ level: 'info', format: 'json' }`, 'stdout'],
    [`{ level: 'info', format: 'json', destination: 2 }`, 'stderr'],
    [`{ level: 'info', format: 'pretty' }`, 'stdout'],
  ] as const) {
    const run = spawnSync(process.execPath, ['--input-type=module', '--eval', program(options)], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    assert.equal(run[stream].trimEnd().split('\n').length, 500);
    assert.match(run[stream], /"?count"?:\s*499/);
  }
});

test('importing the log loads no pretty printer', () => {
  const program = `
    const { registerHooks } = await import('node:module');
    const seen = [];
    registerHooks({ resolve: (name, context, next) => { seen.push(name); return next(name, context); } });
    const { createLog } = await import(${JSON.stringify(new URL('log.ts', import.meta.url).href)});
    const before = seen.includes('pino-pretty');
    createLog({ level: 'info', format: 'pretty', destination: { write() {} } });
    console.log(before, seen.includes('pino-pretty'));`;
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  assert.equal(run.stdout.trim(), 'false true', run.stderr);
});
