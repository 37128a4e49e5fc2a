/** The check at the start: each role that policies would not bind is refused with what to do, and a fitting one passes. */
// FND-8
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { quoteName, sql } from '../schema/sql.ts';
import { testDatabase } from '../testing/database.ts';
import { checkRowSecurity } from './row-security.ts';
import { openTenants, type TenantTrial, tenantModel } from './tenants.fixture.ts';
import { model } from './tokens.fixture.ts';

/** Whether an error says all of this, in its message or its hint. */
function says(...words: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isKeelsonError(error, 'ROW_SECURITY_UNSAFE'));
    for (const word of words) assert.ok(`${error.message} ${error.hint}`.includes(word), `${word} in: ${error.message} ${error.hint}`);
    return true;
  };
}

const run = (trial: TenantTrial, text: string): Promise<unknown> => trial.owner.work(({ sql: unit }) => unit(sql.raw(text)));

test('a role that is neither superuser, nor BYPASSRLS, nor owner passes', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn();
  await checkRowSecurity(database);
  assert.equal(database.postgres.pool.stats.active, 0);
});

test('a superuser, a role with BYPASSRLS, the owner and a member of the owner are refused, each by name', async () => {
  await using trial = await openTenants();
  await assert.rejects(
    checkRowSecurity(trial.owner),
    says('superuser', 'papers', 'create role "tenants_user" login', 'DIRECT_DATABASE_URL'),
  );
  const bypassing = await trial.logIn({ attributes: 'bypassrls' });
  await assert.rejects(checkRowSecurity(bypassing.database), says(bypassing.role, 'BYPASSRLS', 'papers'));
  const owner = await trial.logIn();
  await run(trial, `alter table tenants.papers owner to ${quoteName(owner.role)}`);
  await assert.rejects(checkRowSecurity(owner.database), says(owner.role, 'owns the table papers'));
  const member = await trial.logIn({ attributes: `in role ${quoteName(owner.role)}` });
  await assert.rejects(checkRowSecurity(member.database), says(member.role, `member of "${owner.role}"`, 'papers'));
  await run(trial, 'alter table tenants.papers owner to current_user');
});

test('the SQL of the hint makes a role that passes', async () => {
  await using trial = await openTenants();
  const hint = await checkRowSecurity(trial.owner).then(
    () => '',
    (error: unknown) => (isKeelsonError(error) ? error.hint : ''),
  );
  const { role, database } = await trial.logIn({ isGranted: false });
  const commands = /^Run as the owner: (?<commands>.*); then log in/u.exec(hint)?.groups?.['commands']?.split('; ') ?? [];
  assert.match(commands[0] ?? '', /^create role "tenants_user" login password '…' nosuperuser nobypassrls$/u);
  assert.ok(commands.length > 4);
  // The role is there, since other tests may use that name at this moment: what it is granted is given to another.
  for (const command of commands.slice(1)) await run(trial, command.replaceAll('"tenants_user"', quoteName(role)));
  await checkRowSecurity(database);
  assert.equal(await database.for({ settings: { 'app.tenant_id': '' } }).read((reader) => reader.papers.count()), 0);
});

test('a policy that a migration has forgotten, and security that is not forced, are refused with the statement that is missing', async () => {
  await using trial = await openTenants();
  const { database } = await trial.logIn();
  await run(trial, 'alter table tenants.papers no force row level security');
  await assert.rejects(checkRowSecurity(database), says('papers', 'alter table "tenants"."papers" force row level security;'));
  await run(trial, 'alter table tenants.papers force row level security');
  await run(trial, 'drop policy papers_tenant_isolation_policy on tenants.papers');
  await assert.rejects(
    checkRowSecurity(database),
    says('papers_tenant_isolation_policy', 'create policy "papers_tenant_isolation_policy" on "tenants"."papers"'),
  );
});

test('a model without policies is not asked for a role, and the test kit gives one with policies a role that they bind', async () => {
  await using superuser = await testDatabase({ model });
  await checkRowSecurity(superuser);
  await using bound = await testDatabase({ model: tenantModel });
  await checkRowSecurity(bound);
});
