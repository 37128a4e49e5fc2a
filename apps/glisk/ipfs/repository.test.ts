/** The uploads of a token are found, of one type too; one that is completed has its CID. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'keelson/schema';
import { addTokens, openGlisk } from '../rows.fixture.ts';
import { IpfsUploadRecord } from './entity.ts';

// GLK-1 GLK-2
test('uploads of a token come the newest first, all or those of one type, and go with it', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 1 });
  const [token] = added;
  assert.ok(token !== undefined);
  const types = ['image', 'metadata', 'image'] as const;
  for (const recordType of types) {
    await database.work(({ ipfsRecords }) => ipfsRecords.add(new IpfsUploadRecord({ tokenId: token.id, recordType })));
  }
  await database.work(async ({ ipfsRecords }) => {
    const all = await ipfsRecords.getByToken(token.id);
    assert.deepEqual(
      all.map(({ recordType }) => recordType),
      ['image', 'metadata', 'image'],
    );
    assert.deepEqual(await ipfsRecords.getByToken(token.id, 'image'), [all[0], all[2]]);
    assert.deepEqual(await ipfsRecords.getByToken(token.id, 'metadata'), [all[1]]);
    assert.equal(await ipfsRecords.getById(all[1]?.id ?? ''), all[1]);
  });
  await database.work(async ({ tokens }) => tokens.remove(await tokens.get(token.id)));
  assert.equal(await database.read(({ ipfsRecords }) => ipfsRecords.count()), 0);
});

// GLK-1
test('an upload is not completed without its CID, whoever writes', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 1 });
  const record = new IpfsUploadRecord({ tokenId: added[0]?.id ?? '', recordType: 'image' });
  await database.work(({ ipfsRecords }) => ipfsRecords.add(record));
  await assert.rejects(
    database.work((unit) => unit.sql(sql`update glisk.ipfs_upload_records set status = 'completed' where id = ${record.id}`)),
    { code: 'VALIDATION_ERROR' },
  );
  await database.work(async ({ ipfsRecords }) => {
    const mine = await ipfsRecords.get(record.id);
    mine.markUploading();
    mine.markCompleted('bafy', new Date(1_700_000_000_000));
  });
  const stored = await database.read(({ ipfsRecords }) => ipfsRecords.get(record.id));
  assert.equal(stored.cid, 'bafy');
  assert.equal(stored.completedAt, '2023-11-14T22:13:20.000Z');
});
