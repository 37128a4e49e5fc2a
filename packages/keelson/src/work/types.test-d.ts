/** What the type checker must refuse, and what it must know: each line marked as an error fails the build when it stops being one. */
import { integer, references, text, uuid } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { policy, setting } from '../schema/policy.ts';
import { sql } from '../schema/sql.ts';
import { check, index, table } from '../schema/table.ts';
import type { Database } from './database.ts';
import { entity } from './entity.ts';
import { type Author, Everything, type model, Note, Token, TokenRepository, tokens } from './tokens.fixture.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const database: Database<typeof model.repositories>;
declare const token: Token;
declare const note: Note;
declare const author: Author;
declare const everything: Everything;

/** Says that two types are the same. */
function same<A, B>(equal: Equal<A, B>): void {
  void equal;
}

/** What the types of entities are. */
export function entities(): void {
  same<typeof token.status, 'detected' | 'generating' | 'uploading' | 'ready' | 'revealed' | 'failed'>(true);
  same<typeof token.metadataCid, string | null>(true);
  same<typeof token.authorId, string>(true);
  same<typeof token.parentId, string | null>(true);
  same<typeof token.mintTimestamp, Date>(true);
  same<typeof author.tags, string[]>(true);
  same<typeof everything.price, string | null>(true);
  // @ts-expect-error -- a state moves by its life cycle only
  token.status = 'ready';
  // @ts-expect-error -- a key does not change
  token.id = 'other';
  // @ts-expect-error -- the database makes this column
  everything.shout = 'X';
  // @ts-expect-error -- a number is no text
  note.title = 1;
  // @ts-expect-error -- null where the column takes none
  note.title = null;
  // @ts-expect-error -- no such column
  note.titel = 'x';
  // @ts-expect-error -- moves have names, and only the entity's own methods make them
  token.move('ready');
  // @ts-expect-error -- a redrive is not for everybody
  token.redrive('detected');
}

/** What new entities take. */
export function inserts(): void {
  void new Token({ tokenId: 1, authorId: 'a', mintTimestamp: new Date(0), metadataCid: undefined });
  // @ts-expect-error -- authorId is missing
  void new Token({ tokenId: 1, mintTimestamp: new Date(0) });
  // @ts-expect-error -- no such state
  void new Token({ tokenId: 1, authorId: 'a', mintTimestamp: new Date(0), status: 'detectd' });
  // @ts-expect-error -- text is no Date
  void new Token({ tokenId: 1, authorId: 'a', mintTimestamp: '2020-01-01' });
  // @ts-expect-error -- no such column
  void new Note({ title: 'x', color: 'red' });
  // @ts-expect-error -- the database makes this column
  void new Everything({ key: 'a', shout: 'A' });
  // @ts-expect-error -- null where the column takes none
  void new Note({ title: null });
}

/** What repositories take and give. */
export async function repositories(): Promise<void> {
  await database.work(async (unit) => {
    same<Awaited<ReturnType<typeof unit.tokens.get>>, Token>(true);
    same<Awaited<ReturnType<typeof unit.tokens.find>>, Token | null>(true);
    same<Awaited<ReturnType<typeof unit.tokens.getPending>>, Token[]>(true);
    await unit.tokens.list({ status: ['ready', 'failed'], tokenId: { gt: 3 }, metadataCid: null }, { orderBy: ['status', '-tokenId'] });
    // @ts-expect-error -- no such state
    await unit.tokens.list({ status: 'redy' });
    // @ts-expect-error -- no such column
    await unit.tokens.list({ nope: 1 });
    // @ts-expect-error -- undefined would mean everything
    await unit.tokens.list({ tokenId: undefined });
    // @ts-expect-error -- no such column to order by
    await unit.tokens.list({}, { orderBy: 'nope' });
    // @ts-expect-error -- a column that is never null is not filtered by null
    await unit.tokens.list({ tokenId: null });
    // @ts-expect-error -- the key is text
    await unit.tokens.get(1);
    // @ts-expect-error -- a note is no token
    unit.tokens.add(note);
    // @ts-expect-error -- a note is no token
    unit.tokens.remove(note);
    await unit.notes.update('id', { title: 'x' });
    // @ts-expect-error -- update cannot set a state
    await unit.tokens.update('id', { status: 'ready' });
    // @ts-expect-error -- update cannot set a key
    await unit.tokens.update('id', { id: 'other' });
    // @ts-expect-error -- no such repository
    void unit.nope;
    // @ts-expect-error -- what SQL gives has the type that it was said to have
    const [row]: { n: string }[] = await unit.sql(sql<{ n: number }>`select 1 as n`);
    void row;
  });
}

/** What reads give. */
export async function reads(): Promise<void> {
  await database.read(async (reader) => {
    const row = await reader.tokens.get('id');
    same<typeof row.mintTimestamp, string>(true);
    same<typeof row.errorData, { message: string; at?: number[] } | null>(true);
    // @ts-expect-error -- a read adds nothing
    reader.tokens.add(token);
    // @ts-expect-error -- a read claims nothing
    await reader.tokens.claim({});
    // @ts-expect-error -- a row of a read cannot be assigned
    row.tokenId = 1;
    // @ts-expect-error -- a row of a read has no methods
    row.markGenerating();
  });
}

/** What declarations take. */
export function declarations(): void {
  const state = enumType('lamp_state', ['off', 'on']);
  const lamps = table('lamps', { id: uuid().primaryKey(), state: state().default('off'), watts: integer() }, (t) => [
    index(t.state),
    check(sql`${t.watts} > 0`),
    // @ts-expect-error -- no such column
    index(t.nope),
  ]);
  // @ts-expect-error -- no such value
  void state().default('dim');
  // @ts-expect-error -- a number is no text
  void text().default(1);
  // @ts-expect-error -- the state on has no moves
  void lifeCycle(lamps.state, { off: ['on'] });
  // @ts-expect-error -- no such state to move to
  void lifeCycle(lamps.state, { off: ['dim'], on: [] });
  const cycle = lifeCycle(lamps.state, { off: ['on'], on: [] });
  class Lamp extends entity(lamps, cycle) {
    turnOn(): void {
      this.move('on', { watts: 3 });
      // @ts-expect-error -- no move leads there
      this.move('off');
      // @ts-expect-error -- a move does not set the state a second time
      this.move('on', { state: 'on' });
      // @ts-expect-error -- no such column
      this.move('on', { volts: 3 });
    }
  }
  void Lamp;
  // @ts-expect-error -- the target of a reference is a table named in a function
  void references(lamps);
  // @ts-expect-error -- a repository is made of its unit of work only
  void new TokenRepository();
  void tokens;
}

/** What policies take. */
export function policies(): void {
  table('lamps', { id: uuid().primaryKey(), tenantId: uuid() }, (t) => [
    policy('all', { using: sql`${t.tenantId} = ${setting('app.tenant_id', 'uuid')}`, check: sql`true` }),
    policy('reading', { for: 'select', to: 'readers', using: sql`true` }),
    policy('adding', { for: 'insert', check: sql`true` }),
    // @ts-expect-error -- no such column
    policy('other', { using: sql`${t.tenant} = 1` }),
  ]);
  // @ts-expect-error -- a policy says which rows
  void policy('nothing', {});
  // @ts-expect-error -- a condition is SQL, not text
  void policy('words', { using: 'true' });
  // @ts-expect-error -- nothing is written by a select
  void policy('reading', { for: 'select', using: sql`true`, check: sql`true` });
  // @ts-expect-error -- before an insert there is no row
  void policy('adding', { for: 'insert', using: sql`true` });
  // @ts-expect-error -- what is inserted needs a condition
  void policy('adding', { for: 'insert' });
  // @ts-expect-error -- no such command
  void policy('emptying', { for: 'truncate', using: sql`true` });
  // @ts-expect-error -- no such type
  void setting('app.tenant_id', 'uid');
  // @ts-expect-error -- a setting is read as a type
  void setting('app.tenant_id');
}
