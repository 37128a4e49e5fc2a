/** A model with tenants, and connections to it that log in as a role which owns nothing. */
import { integer, text, updatedAt, uuid, version } from '../schema/column.ts';
import { policy, setting } from '../schema/policy.ts';
import { quoteName, sql } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import { silentLog } from '../log.ts';
import { connectPostgres, type Postgres } from '../postgres/postgres.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { startTestPooler, type TestPooler } from '../testing/pooler.ts';
import { testServer } from '../testing/server.ts';
import { grantsFor } from './bound-role.ts';
import { type Database, openDatabase } from './database.ts';
import { entity } from './entity.ts';
import { defineModel } from './model.ts';
import { repository } from './repository.ts';

const tenant = setting('app.tenant_id', 'uuid');

export const papers = table(
  'papers',
  {
    id: uuid().primaryKey(),
    tenantId: uuid().defaultSql(tenant),
    title: text(),
    stars: integer().default(0),
    version: version(),
    updatedAt: updatedAt(),
  },
  (t) => [policy('tenant_isolation', { using: sql`${t.tenantId} = ${tenant}` })],
);

export class Paper extends entity(papers) {}

class PaperRepository extends repository(Paper) {}

export const tenantModel = defineModel({ name: 'tenants', tables: [papers], repositories: { papers: PaperRepository } });

export const tenantA = '018f0000-0000-7000-8000-00000000000a';
export const tenantB = '018f0000-0000-7000-8000-00000000000b';

type Tenants = typeof tenantModel.repositories;

/** A database of its own, seen by its owner and by those who log in as other roles. */
export interface TenantTrial extends AsyncDisposable {
  readonly owner: TestDatabase<Tenants>;
  /** Makes a role that can log in, and opens the database as it; `attributes` as in CREATE ROLE. */
  logIn(options?: LogInOptions): Promise<LoggedIn>;
}

/** How a role logs in. */
export interface LogInOptions {
  readonly attributes?: string;
  readonly poolSize?: number;
  readonly isGranted?: boolean;
  /** Through a pooler that has so many connections to the server. */
  readonly poolerSize?: number;
}

/** A database as a role sees it. */
export interface LoggedIn {
  readonly role: string;
  readonly database: Database<Tenants>;
}

let roles = 0;

/** Opens a database of the model; roles that are made for it go with it. */
export async function openTenants(): Promise<TenantTrial> {
  const owner = await testDatabase({ model: tenantModel }, { isolation: 'database', role: 'owner' });
  const made: string[] = [];
  const opened: Postgres[] = [];
  const poolers: TestPooler[] = [];
  return {
    owner,
    logIn: async ({ attributes = '', poolSize = 4, isGranted = true, poolerSize } = {}) => {
      roles += 1;
      const role = `keelson_tenants_${process.pid}_${roles}`;
      const grants = isGranted ? grantsFor(tenantModel, role) : [];
      const commands = [`create role ${quoteName(role)} login password 'sesame' ${attributes}`, ...grants];
      for (const command of commands) await owner.work(({ sql: run }) => run(sql.raw(command)));
      made.push(role);
      const url = new URL(owner.postgres.url);
      url.username = role;
      url.password = 'sesame';
      const pooler = poolerSize === undefined ? undefined : await startTestPooler({ url: url.href, poolSize: poolerSize });
      if (pooler !== undefined) poolers.push(pooler);
      const postgres = await connectPostgres({
        url: pooler?.url ?? url.href,
        pooler: pooler === undefined ? 'none' : 'transaction',
        poolSize,
        poolWaitMs: 30_000,
        log: silentLog,
        connectRetryMs: 0,
      });
      opened.push(postgres);
      return { role, database: openDatabase(tenantModel, postgres, { log: silentLog }) };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((postgres) => postgres.close()));
      for (const pooler of poolers) await pooler[Symbol.asyncDispose]();
      for (const role of made) await owner.work(({ sql: run }) => run(sql.raw(`drop owned by ${quoteName(role)}`)));
      await owner[Symbol.asyncDispose]();
      await dropRoles(made);
    },
  };
}

/** Roles belong to the server: they can go once the database that gave them rights is gone. */
async function dropRoles(made: readonly string[]): Promise<void> {
  const { url } = await testServer();
  const postgres = await connectPostgres({ url, poolSize: 1, log: silentLog });
  const connection = await postgres.connect();
  for (const role of made) await connection.command(`drop role ${quoteName(role)}`);
  await connection.close();
  await postgres.close();
}
