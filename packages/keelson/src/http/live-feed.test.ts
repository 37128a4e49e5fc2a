/** Live feeds: what the database is asked, however many look on, and how streams begin, fall behind and end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as ask } from 'node:http';
import { test } from 'node:test';
import { fastify } from 'fastify';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError } from '../errors.ts';
import { Drain } from './drain.ts';
import { LiveFeed, type LiveFeedOptions } from './live-feed.ts';
import { RecordingLog } from './notes.fixture.ts';

/** A clock whose sleeps end by hand; the time is that of the sleeps which have ended. */
class HandClock implements Clock {
  readonly #asleep: { readonly durationMs: number; readonly resolve: () => void }[] = [];
  readonly #watchers: (() => void)[] = [];
  #nowMs = 0;

  now(): Date {
    return new Date(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { durationMs, resolve };
    this.#asleep.push(entry);
    signal?.addEventListener('abort', () => {
      this.#asleep.splice(this.#asleep.indexOf(entry), this.#asleep.includes(entry) ? 1 : 0);
      reject(new Error('aborted'));
    });
    for (const watcher of this.#watchers.splice(0)) watcher();
    return promise;
  }

  /** Ends the next sleep, once somebody sleeps. */
  async pass(): Promise<number> {
    while (this.#asleep.length === 0) await this.#someone();
    const entry = this.#asleep.shift();
    this.#nowMs += entry?.durationMs ?? 0;
    entry?.resolve();
    return entry?.durationMs ?? 0;
  }

  /** Resolves when somebody sleeps. */
  async quiet(): Promise<void> {
    while (this.#asleep.length === 0) await this.#someone();
  }

  get sleepers(): number {
    return this.#asleep.length;
  }

  #someone(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }
}

/** One who looks on. */
class Viewer {
  readonly response: IncomingMessage;
  readonly #request: ClientRequest;
  readonly #lines: AsyncIterator<string, undefined>;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.response = response;
    this.#lines = blocksOf(response)[Symbol.asyncIterator]();
  }

  static async open(url: string): Promise<Viewer> {
    const request = ask(url, { agent: false });
    request.end();
    const answered: unknown[] = await once(request, 'response');
    request.on('error', () => undefined);
    return new Viewer(request, parseResponse(answered));
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  /** The next block of the stream; undefined at its end. */
  async next(): Promise<string | undefined> {
    const { value } = await this.#lines.next();
    return value;
  }

  leave(): void {
    this.#request.destroy();
  }
}

function parseResponse([response]: unknown[]): IncomingMessage {
  return response as IncomingMessage;
}

async function* blocksOf(response: IncomingMessage): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const chunk of response) {
    rest += String(chunk);
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    yield* blocks;
  }
  return undefined;
}

interface Bench extends AsyncDisposable {
  readonly url: string;
  readonly feed: LiveFeed<unknown>;
  readonly drain: Drain;
  readonly log: RecordingLog;
  /** Resolves when the number of viewers is this. */
  viewers(count: number): Promise<void>;
}

async function open(options: Partial<LiveFeedOptions<unknown>>): Promise<Bench> {
  const log = new RecordingLog();
  const drain = new Drain();
  const feed = new LiveFeed({ name: 'test', load: async () => ({}), clock: systemClock, log, ...options });
  const server = fastify();
  drain.watch(server);
  server.setErrorHandler((error, _request, reply) => reply.code(isKeelsonError(error) ? error.status : 500).send(String(error)));
  server.get('/live', { exposeHeadRoute: false }, (request, reply) => feed.join(request, reply));
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: `${url}/live`,
    feed,
    drain,
    log,
    viewers: async (count) => {
      while (feed.viewers !== count) await new Promise((resolve) => void setImmediate(resolve));
    },
    [Symbol.asyncDispose]: async () => {
      feed.close();
      await server.close();
    },
  };
}

test('a change is asked for once and told to all, and who comes later is told what is known', async () => {
  const clock = new HandClock();
  let asked = 0;
  await using bench = await open({ clock, load: async () => ({ asked: (asked += 1) }) });
  const viewers = await Promise.all(Array.from({ length: 20 }, () => Viewer.open(bench.url)));
  for (const viewer of viewers) {
    assert.equal(await viewer.next(), 'retry: 1000');
    assert.equal(await viewer.next(), 'data: {"asked":1}');
  }
  await clock.quiet();
  const late = await Viewer.open(bench.url);
  assert.equal(late.response.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(late.response.headers['cache-control'], 'no-store');
  assert.deepEqual([await late.next(), await late.next()], ['retry: 1000', 'data: {"asked":1}']);
  assert.equal(asked, 1);
  // Many changes of a moment are one.
  for (let change = 0; change < 100; change += 1) bench.feed.touch();
  assert.equal(await clock.pass(), 200);
  for (const viewer of [...viewers, late]) assert.equal(await viewer.next(), 'data: {"asked":2}');
  assert.equal(asked, 2);
});

test('nothing is asked while nobody looks on, neither before nor after', async () => {
  const clock = new HandClock();
  let asked = 0;
  await using bench = await open({ clock, load: async () => ({ asked: (asked += 1) }) });
  bench.feed.touch();
  assert.equal(asked, 0);
  const viewer = await Viewer.open(bench.url);
  await viewer.next();
  assert.equal(await viewer.next(), 'data: {"asked":1}');
  viewer.leave();
  await bench.viewers(0);
  bench.feed.touch();
  assert.equal(clock.sleepers, 0);
  assert.equal(asked, 1);
  // What was known then is old: the next who comes is told what is true now.
  const next = await Viewer.open(bench.url);
  assert.deepEqual([await next.next(), await next.next()], ['retry: 1000', 'data: {"asked":2}']);
});

test('what others changed is seen at the next look, what has not changed is not sent, and a silent stream says that it lives', async () => {
  const clock = new HandClock();
  let asked = 0;
  let value = 'one';
  await using bench = await open({
    clock,
    load: async () => {
      asked += 1;
      return value;
    },
  });
  const viewer = await Viewer.open(bench.url);
  await viewer.next();
  assert.equal(await viewer.next(), 'data: "one"');
  for (let look = 0; look < 10; look += 1) assert.equal((await clock.pass()) + (await clock.pass()), 1000);
  assert.equal(await viewer.next(), 'event: alive\ndata:');
  assert.equal(asked, 11);
  value = 'two';
  await clock.pass();
  await clock.pass();
  assert.equal(await viewer.next(), 'data: "two"');
});

test('a question that takes long is asked more seldom', async () => {
  const clock = new HandClock();
  await using bench = await open({ clock, load: () => clock.sleep(50) });
  const viewer = await Viewer.open(bench.url);
  assert.equal(await clock.pass(), 50);
  assert.equal(await clock.pass(), 1000);
  viewer.leave();
});

test('when asking fails the viewers hear of it, the log says it once, and the answer is sent when there is one again', async () => {
  const clock = new HandClock();
  let isDown = false;
  await using bench = await open({
    clock,
    load: async () => {
      if (isDown) throw new Error('down');
      return 'up';
    },
  });
  const viewer = await Viewer.open(bench.url);
  await viewer.next();
  assert.equal(await viewer.next(), 'data: "up"');
  isDown = true;
  for (let look = 0; look < 4; look += 1) await clock.pass();
  assert.equal(await viewer.next(), 'event: trouble\ndata:');
  assert.equal(await viewer.next(), 'event: trouble\ndata:');
  assert.equal(bench.log.of('live.load_failed').length, 1);
  isDown = false;
  await clock.pass();
  await clock.pass();
  assert.equal(await viewer.next(), 'data: "up"');
});

test('more viewers than are allowed are refused, in all and from one address, and a place that is left is free', async () => {
  await using few = await open({ limits: { viewersMax: 2 } });
  const [first, second] = [await Viewer.open(few.url), await Viewer.open(few.url)];
  assert.deepEqual([first.status, second.status, (await Viewer.open(few.url)).status], [200, 200, 503]);
  first.leave();
  await few.viewers(1);
  assert.equal((await Viewer.open(few.url)).status, 200);
  await using narrow = await open({ limits: { viewersPerAddressMax: 1 } });
  const only = await Viewer.open(narrow.url);
  assert.equal((await Viewer.open(narrow.url)).status, 429);
  only.leave();
  await narrow.viewers(0);
  assert.equal((await Viewer.open(narrow.url)).status, 200);
});

test('a drain ends the streams with a word, is not held up by them, and lets nobody join', async () => {
  await using bench = await open({});
  const viewer = await Viewer.open(bench.url);
  await viewer.next();
  assert.equal(await viewer.next(), 'data: {}');
  assert.equal(bench.drain.underWay, 1);
  assert.equal(await bench.drain.begin(systemClock, 60_000), true);
  assert.equal(await viewer.next(), 'event: leaving\ndata:');
  assert.equal(await viewer.next(), undefined);
  assert.equal(bench.feed.viewers, 0);
  assert.equal((await Viewer.open(bench.url)).status, 503);
});

test('a server that closes ends its streams', async () => {
  const bench = await open({});
  const viewer = await Viewer.open(bench.url);
  await viewer.next();
  await bench[Symbol.asyncDispose]();
  const rest = [await viewer.next(), await viewer.next(), await viewer.next()];
  assert.ok(rest.includes(undefined));
});

test('a viewer that does not read is let go, and the others are not held up', async () => {
  const clock = new HandClock();
  let asked = 0;
  await using bench = await open({
    clock,
    load: async () => `${(asked += 1)}${'x'.repeat(4_000_000)}`,
    limits: { behindBytesMax: 1_000_000 },
  });
  const [reader, sleeper] = [await Viewer.open(bench.url), await Viewer.open(bench.url)];
  sleeper.response.pause();
  await reader.next();
  // bounded by: behindBytesMax, what is sent is soon more than any socket takes
  for (let change = 1; bench.feed.viewers === 2; change += 1) {
    assert.match((await reader.next()) ?? '', new RegExp(`^data: "${change}x`, 'u'));
    bench.feed.touch();
    await clock.pass();
  }
  assert.equal(bench.feed.viewers, 1);
});
