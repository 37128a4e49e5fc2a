/** Uploads: what an earlier attempt has put is not put again, and what it left open is taken up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { KeelsonError } from 'keelson/errors';
import { ImageGenerationJob } from '../images/entity.ts';
import { addTokens, type GliskDatabase, openGlisk } from '../rows.fixture.ts';
import type { Token } from '../tokens/entity.ts';
import { cidOf } from './local.ts';
import type { Content } from './schema.ts';
import { UploadService } from './service.ts';

const call = { signal: new AbortController().signal };

/** A service over a store that keeps in memory, and fails where it is told to. */
function serviceOf(database: GliskDatabase, fails: (content: Content, nth: number) => Error | undefined = () => undefined) {
  const put: string[] = [];
  const contents = {
    service: 'local' as const,
    put: async (content: Content) => {
      const error = fails(content, put.push(content.name));
      if (error !== undefined) throw error;
      return { cid: await cidOf(content.bytes), sizeBytes: content.bytes.byteLength };
    },
    get: () => Promise.reject(new TypeError('nothing is read here')),
  };
  const pictures = {
    keep: () => Promise.reject(new TypeError('nothing is kept here')),
    read: (path: string) => Promise.resolve({ bytes: Buffer.from(path), mediaType: 'image/png' as const, jobId: null }),
    removeOlderThan: () => Promise.resolve(0),
  };
  return { service: new UploadService({ database, pictures, contents, clock: systemClock }), put };
}

/** A token whose picture was drawn. */
async function drawn(database: GliskDatabase, path = 'a.png'): Promise<Token> {
  const { tokens } = await addTokens(database, { count: 1, status: 'uploading' });
  const [token] = tokens;
  assert.ok(token);
  await draw(database, token, path);
  return token;
}

async function draw(database: GliskDatabase, token: Token, imagePath: string): Promise<void> {
  const job = new ImageGenerationJob({
    tokenId: token.id,
    service: 'selfhosted',
    status: 'completed',
    imagePath,
    completedAt: systemClock.now(),
  });
  await database.work(({ imageJobs }) => imageJobs.add(job));
}

const records = (database: GliskDatabase) => database.read(({ ipfsRecords }) => ipfsRecords.list({}, { orderBy: 'id' }));

// GLK-14
test('the picture is put first and then the metadata, each with its record, and a second time nothing is put', async () => {
  await using database = await openGlisk();
  const token = await drawn(database);
  const { service, put } = serviceOf(database);
  const first = await service.upload(token, call);
  assert.deepEqual(await service.upload(token, call), first);
  assert.deepEqual(put, ['glisk-0.png', 'glisk-0.json']);
  assert.deepEqual(
    (await records(database)).map(({ recordType, status, cid }) => [recordType, status, cid]),
    [
      ['image', 'completed', first.imageCid],
      ['metadata', 'completed', first.metadataCid],
    ],
  );
});

// GLK-14
test('an attempt that follows a failure takes up where it ended, and counts that it does', async () => {
  await using database = await openGlisk();
  const token = await drawn(database);
  const { service, put } = serviceOf(database, ({ name }, nth) =>
    name.endsWith('.json') && nth < 4 ? new KeelsonError('OUTSIDE_UNAVAILABLE') : undefined,
  );
  for (let attempt = 0; attempt < 2; attempt += 1) await assert.rejects(service.upload(token, call), { code: 'OUTSIDE_UNAVAILABLE' });
  await service.upload(token, call);
  assert.deepEqual(put, ['glisk-0.png', 'glisk-0.json', 'glisk-0.json', 'glisk-0.json']);
  assert.deepEqual(
    (await records(database)).map(({ recordType, status, retryCount }) => [recordType, status, retryCount]),
    [
      ['image', 'completed', 0],
      ['metadata', 'completed', 2],
    ],
  );
});

// GLK-14
test('a picture that was drawn anew is uploaded anew', async () => {
  await using database = await openGlisk();
  const token = await drawn(database);
  const { service, put } = serviceOf(database);
  const before = await service.upload(token, call);
  await draw(database, token, 'b.png');
  const after = await service.upload(token, call);
  assert.equal(put.length, 4);
  assert.notEqual(after.imageCid, before.imageCid);
  assert.notEqual(after.metadataCid, before.metadataCid);
});

// GLK-14
test('a token without a picture is refused, since no attempt would find one', async () => {
  await using database = await openGlisk();
  const { tokens } = await addTokens(database, { count: 1, status: 'uploading' });
  const [token] = tokens;
  assert.ok(token);
  await assert.rejects(serviceOf(database).service.upload(token, call), { code: 'WORK_REFUSED' });
  assert.deepEqual(await records(database), []);
});
