/** MikroORM: the library of the field that has a unit of work of its own. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { nextStatus, POOL_SIZE, serveContender } from '../../unit-of-work-contender.ts';

const Token = defineEntity({
  name: 'Token',
  tableName: 'tokens',
  properties: {
    id: p.uuid().primary(),
    tokenId: p.integer(),
    authorId: p.uuid(),
    status: p.enum(['detected', 'generating', 'uploading', 'ready', 'failed'] as const).nativeEnumName('token_status'),
    mintTimestamp: p.datetime(),
    imagePath: p.text().nullable(),
    metadataCid: p.string().length(255).nullable(),
    attempts: p.integer(),
    errorData: p.json<object>().nullable(),
    createdAt: p.datetime(),
    version: p.integer().version(),
  },
});

type Token = InferEntity<typeof Token>;

let orm: MikroORM;

serveContender({
  async open(clientUrl) {
    orm = await MikroORM.init({ clientUrl, entities: [Token], pool: { min: 0, max: POOL_SIZE }, discovery: { warnWhenNoEntities: false } });
  },
  loadOne: (id) =>
    orm.em.fork().transactional(async (em) => {
      const token = await em.findOneOrFail(Token, id);
      token.status = nextStatus(token.status);
    }),
  loadHundred: (ids) =>
    orm.em.fork().transactional(async (em) => {
      for (const token of await em.find(Token, { id: { $in: [...ids] } })) token.status = nextStatus(token.status);
    }),
  read: (id) => orm.em.fork().transactional((em) => em.findOneOrFail(Token, id)),
  empty: () => orm.em.fork().transactional(async () => {}),
  attach: async (id, imagePath) => {
    const em = orm.em.fork();
    em.getReference(Token, id).imagePath = imagePath;
    await em.flush();
  },
});
