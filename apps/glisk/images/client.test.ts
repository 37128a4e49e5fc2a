/** Replicate's client against a server that speaks its documented HTTP, and that fails as such servers do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { isKeelsonError, KeelsonError } from 'keelson/errors';
import {
  type Behaviour,
  bytes,
  calmly,
  failures,
  type FakeService,
  json,
  jsonFailures,
  type Seen,
  startService,
} from '../outside.fixture.ts';
import { ReplicatePictures } from './client.ts';

const PNG = Buffer.concat([Buffer.from([0x89]), Buffer.from('PNG\r\n\u001a\n and the rest of a picture')]);
const request = { prompt: 'a golden desert; "; drop table tokens_s0; --', seed: 42 };

interface Steps {
  readonly begin?: Behaviour;
  readonly look?: Behaviour;
  readonly picture?: Behaviour;
  readonly cancel?: Behaviour;
}

/** A Replicate where a picture is ready at the second look, unless a step is told to do otherwise. */
async function startReplicate(steps: Steps = {}): Promise<FakeService> {
  let looks = 0;
  const service: FakeService = await startService((seen) => {
    if (seen.path.endsWith('/cancel')) return steps.cancel ?? json({ id: 'job1', status: 'canceled' });
    if (seen.method === 'POST') return steps.begin ?? json({ id: 'job1', status: 'starting', output: null, error: null, urls: {} }, 201);
    if (seen.path.startsWith('/v1/predictions/')) {
      looks += 1;
      const output = looks < 2 ? null : [`${service.url}/picture.png`];
      return steps.look ?? json({ id: 'job1', status: looks < 2 ? 'processing' : 'succeeded', output, error: null });
    }
    return steps.picture ?? bytes(PNG);
  });
  return service;
}

function client(service: FakeService, more: { readonly model?: string; readonly timeoutMs?: number } = {}): ReplicatePictures {
  return new ReplicatePictures({ apiToken: 'r8_secret', url: service.url, clock: systemClock, pollMs: 1, timeoutMs: 10_000, ...more });
}

function lines(seen: readonly Seen[]): readonly string[] {
  return seen.map((each) => `${each.method} ${each.path}`);
}

// GLK-14
test('a picture is asked for, waited for and fetched; its job is told as soon as it is known, and the key goes to the API alone', async () => {
  await using service = await startReplicate();
  const jobs: string[] = [];
  const picture = await client(service).make(request, {
    ...calmly(),
    onJob: (jobId) => void jobs.push(`${jobId} after ${String(service.seen.length)}`),
  });
  assert.deepEqual(picture, { bytes: PNG, mediaType: 'image/png', jobId: 'job1' });
  assert.deepEqual(jobs, ['job1 after 1']);
  assert.deepEqual(lines(service.seen), [
    'POST /v1/models/black-forest-labs/flux-schnell/predictions',
    'GET /v1/predictions/job1',
    'GET /v1/predictions/job1',
    'GET /picture.png',
  ]);
  assert.deepEqual(
    service.seen.map((each) => each.headers.authorization),
    ['Bearer r8_secret', 'Bearer r8_secret', 'Bearer r8_secret', undefined],
  );
  assert.equal(service.seen[0]?.headers['prefer'], 'wait=5');
  assert.deepEqual(JSON.parse(String(service.seen[0]?.body)), { input: { ...request, num_outputs: 1, output_format: 'png' } });
});

// GLK-14
test('a model with a version is named in the body, as Replicate wants it', async () => {
  await using service = await startReplicate();
  await client(service, { model: 'stability-ai/sdxl:7762fd07' }).make(request, calmly());
  assert.equal(service.seen[0]?.path, '/v1/predictions');
  assert.match(String(service.seen[0]?.body), /"version":"stability-ai\/sdxl:7762fd07"/u);
});

// GLK-14
for (const step of ['begin', 'look', 'picture'] as const) {
  const ways = step === 'picture' ? failures : jsonFailures;
  for (const failure of ways) {
    test(`${failure.name} at the step ${step} is ${failure.code}`, async () => {
      await using service = await startReplicate({ [step]: failure.behaviour });
      const timeoutMs = /time-out|stands still/u.test(failure.name) ? 60 : 10_000;
      await assert.rejects(client(service, { timeoutMs }).make(request, calmly()), (error) => {
        assert.ok(isKeelsonError(error, failure.code), String(error));
        assert.equal(error.retryAfterS, failure.retryAfterS);
        return !error.message.includes('r8_secret');
      });
    });
  }
}

const ends = [
  { name: 'a job that failed passes', answer: { id: 'job1', status: 'failed', error: 'CUDA out of memory' }, code: 'OUTSIDE_UNAVAILABLE' },
  { name: 'a job that was cancelled passes', answer: { id: 'job1', status: 'canceled' }, code: 'OUTSIDE_UNAVAILABLE' },
  {
    name: 'a prompt that the model will not draw stays',
    answer: { id: 'job1', status: 'failed', error: 'NSFW content detected' },
    code: 'OUTSIDE_REFUSED',
  },
  { name: 'a job without a picture passes', answer: { id: 'job1', status: 'succeeded', output: [] }, code: 'OUTSIDE_UNAVAILABLE' },
  {
    name: 'a picture at another host is not fetched',
    answer: { id: 'job1', status: 'succeeded', output: 'http://169.254.169.254/latest/meta-data' },
    code: 'OUTSIDE_REFUSED',
  },
  { name: 'an id with a path in it passes for no id', answer: { id: '../../account', status: 'starting' }, code: 'OUTSIDE_UNAVAILABLE' },
];

// GLK-14
for (const { name, answer, code } of ends) {
  test(name, async () => {
    await using service = await startReplicate({ begin: json(answer, 201) });
    await assert.rejects(client(service).make(request, calmly()), { code });
    assert.equal(service.seen.length, 1);
  });
}

// GLK-14
test('what is no picture is not taken for one, whatever it says it is', async () => {
  await using service = await startReplicate({ picture: bytes(Buffer.from('<svg onload="alert(1)"/>')) });
  await assert.rejects(client(service).make(request, calmly()), { code: 'OUTSIDE_UNAVAILABLE' });
});

// GLK-14
test('a job that an earlier attempt began is waited for, not begun again', async () => {
  await using service = await startReplicate();
  const picture = await client(service).make({ ...request, jobId: 'job1' }, calmly());
  assert.equal(picture.jobId, 'job1');
  assert.ok(!lines(service.seen).some((line) => line.startsWith('POST')));
});

// GLK-14
for (const [name, look] of [
  ['failed', json({ id: 'old', status: 'failed' })],
  ['is forgotten', json({ detail: 'not found' }, 404)],
  ['has no picture any more', json({ id: 'old', status: 'succeeded', output: null, data_removed: true })],
] as const) {
  test(`when the job of an earlier attempt ${name}, another is begun`, async () => {
    let asked = 0;
    await using service = await startService((seen) => {
      asked += 1;
      if (asked === 1) return look;
      if (seen.method === 'POST') return json({ id: 'new', status: 'succeeded', output: `http://${seen.headers.host ?? ''}/picture` }, 201);
      return bytes(PNG);
    });
    const picture = await client(service).make({ ...request, jobId: 'old' }, calmly());
    assert.equal(picture.jobId, 'new');
  });
}

// GLK-14
test('when the picture of an earlier attempt has gone, another is made', async () => {
  let downloads = 0;
  const picture: Behaviour = (response, seen) => {
    downloads += 1;
    return downloads === 1 ? json({}, 404)(response, seen) : bytes(PNG)(response, seen);
  };
  await using service = await startReplicate({ picture });
  await client(service).make({ ...request, jobId: 'job1' }, calmly());
  assert.deepEqual(
    lines(service.seen).filter((line) => line.startsWith('POST')),
    ['POST /v1/models/black-forest-labs/flux-schnell/predictions'],
  );
});

// GLK-14
test('a job that nobody waits for any more is cancelled, and the caller gets its own reason', async () => {
  const giveUp = new AbortController();
  const reason = new KeelsonError('SERVICE_UNAVAILABLE', { message: 'The process is draining.' });
  const look: Behaviour = (response) => {
    giveUp.abort(reason);
    response.end();
  };
  await using service = await startReplicate({ look });
  await assert.rejects(client(service).make(request, { signal: giveUp.signal }), (error) => error === reason);
  assert.equal(lines(service.seen).at(-1), 'POST /v1/predictions/job1/cancel');
});
