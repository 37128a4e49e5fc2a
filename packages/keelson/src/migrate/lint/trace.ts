/** Runs a revision statement by statement and asks PostgreSQL after each what it did. */
import { KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { sqlState } from '../../postgres/sqlstate.ts';
import { databaseError } from '../failure.ts';
import type { Revision } from '../revision.ts';
import { settingsFor } from '../session.ts';
import type { SqlStatement } from '../statements.ts';
import { stepsOf } from '../steps.ts';
import { counterHit, endHits, type EndHit, newlyCounted } from './end-rules.ts';
import { type Finding, found } from './finding.ts';
import { HeldLocks } from './held-rule.ts';
import { lossHits, renameHits } from './loss-rules.ts';
import { observe, type State } from './observe.ts';
import { backfillHits, indexHits, rewriteHits } from './rewrite-rules.ts';
import { scanHits } from './scan-rules.ts';
import { type Hit, type Step, touchedTables } from './step.ts';

/** What came of a trace. */
export interface Trace {
  readonly findings: readonly Finding[];
  /** Why it went no further. */
  readonly failure: TraceFailure | undefined;
}

/** The statement that failed, and how. */
export interface TraceFailure {
  readonly statement: SqlStatement;
  readonly sqlState: string;
  readonly message: string;
  readonly error: unknown;
}

/** What is traced. */
export interface TraceRequest {
  readonly namespace: string;
  readonly revision: Revision;
  /** What the code declares, where this is the newest revision: `hats`, `hats.size`. */
  readonly declared: ReadonlySet<string>;
}

/** Runs the `up` of a revision, which is committed, and gives what the rules say of it. */
export async function trace(connection: Connection, { namespace, revision, declared }: TraceRequest): Promise<Trace> {
  const tracing = new Tracing(connection, { namespace, revision, declared });
  await tracing.run();
  // What the revision set for its session may not reach the next one.
  await connection.command('discard temp; reset all');
  return { findings: tracing.findings, failure: tracing.failure };
}

/** Longer than anything in a shadow takes. */
const LOCK_TIMEOUT_MS = 10_000;

class Tracing {
  readonly findings: Finding[] = [];
  failure: TraceFailure | undefined;
  readonly #connection: Connection;
  readonly #namespace: string;
  readonly #revision: Revision;
  readonly #declared: ReadonlySet<string>;
  /** Its statements, where nothing was there before. */
  readonly #made: SqlStatement[] = [];
  #isFirst = false;
  readonly #origins = new Map<string, SqlStatement>();

  constructor(connection: Connection, { namespace, revision, declared }: TraceRequest) {
    this.#connection = connection;
    this.#declared = declared;
    this.#namespace = namespace;
    this.#revision = revision;
  }

  async run(): Promise<void> {
    const existing = await this.#observe();
    // Where nothing was there before, no statement can be in the way of anybody: only what is there in the end is looked at.
    if (existing.tables.size === 0 && this.#revision.transaction) this.#isFirst = true;
    for (const { statements } of stepsOf(this.#revision, 'up')) {
      await this.#part(existing, statements);
      if (this.failure !== undefined) return;
    }
    const end = await this.#observe();
    const isContract = this.#revision.phase === 'contract';
    const hits = [...endHits({ existing, end, isContract, origins: this.#origins }), ...(await this.#counterHits(existing, end))];
    for (const hit of hits) this.#add(this.#origins.get(hit.id) ?? this.#maker(end.tables.get(hit.id)?.name), hit);
  }

  /** Of a first revision the statement that makes the table, as far as its text shows. */
  #maker(name: string | undefined): SqlStatement | undefined {
    if (name === undefined) return undefined;
    const bareName = (name.split('.').at(-1) ?? name).replaceAll('"', '').toLowerCase();
    return this.#made.find(({ text }) => {
      const made = /^create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?([^\s(]+)/iu.exec(text)?.[1];
      return made?.split('.').at(-1)?.replaceAll('"', '').toLowerCase() === bareName;
    });
  }

  /** The statements of one transaction; those that cannot run in one run by themselves, and their locks are not seen. */
  async #part(existing: State, statements: readonly SqlStatement[]): Promise<void> {
    const held = new HeldLocks();
    await this.#connection.command(`begin; ${settingsFor(this.#namespace, 'local', LOCK_TIMEOUT_MS)}`);
    let before = await this.#observe();
    for (const statement of statements) {
      const error = await this.#tryStatement(statement);
      if (error !== undefined) {
        this.failure = failureOf(statement, error);
        await this.#connection.command('rollback');
        return;
      }
      if (this.#isFirst) {
        this.#made.push(statement);
        continue;
      }
      const after = await this.#observe();
      const step: Step = { revision: this.#revision, statement, existing, before, after, declared: this.#declared };
      const counts = await this.#countUpdated(step);
      const hits = [
        ...rewriteHits(step),
        ...indexHits(step),
        ...scanHits(step),
        ...lossHits(step),
        ...renameHits(step),
        ...backfillHits(step, counts),
      ];
      for (const hit of [...hits, ...held.hits(step, hits)]) this.#add(statement, hit);
      this.#rememberOrigins(step);
      held.add(step);
      before = after;
    }
    await this.#commit(statements.at(-1));
  }

  /** What is deferred is looked at now, and is the last statement's failure as well as any. */
  async #commit(last: SqlStatement | undefined): Promise<void> {
    try {
      await this.#connection.command('commit');
    } catch (error) {
      if (this.#connection.broken || last === undefined) throw error;
      this.failure = failureOf(last, error);
    }
  }

  async #tryStatement(statement: SqlStatement): Promise<unknown> {
    try {
      await this.#connection.command(statement.text);
      return undefined;
    } catch (error) {
      if (this.#connection.broken) throw error;
      if (this.#revision.transaction || sqlState(error) !== '25001') return error;
    }
    await this.#connection.command(`rollback; ${settingsFor(this.#namespace, 'session', LOCK_TIMEOUT_MS)}`);
    try {
      await this.#connection.command(statement.text);
      return undefined;
    } catch (error) {
      if (this.#connection.broken) throw error;
      return error;
    } finally {
      if (!this.#connection.broken) {
        await this.#connection.command(`reset all; begin; ${settingsFor(this.#namespace, 'local', LOCK_TIMEOUT_MS)}`);
      }
    }
  }

  #observe(): Promise<State> {
    return observe(this.#connection, this.#namespace);
  }

  #add(statement: SqlStatement | undefined, { rule, message, safeWay }: Hit): void {
    const line = statement?.line ?? this.#revision.lines.up[0] ?? 1;
    this.findings.push(found(rule, { file: this.#revision.file, line }, message, safeWay));
  }

  async #countUpdated(step: Step): Promise<ReadonlyMap<string, number>> {
    const updated = touchedTables(step).filter(({ before, after }) => after.updated > before.updated);
    const counts = new Map<string, number>();
    for (const { after } of updated) counts.set(after.id, await this.#number(`select count(*) from only ${after.name}`));
    return counts;
  }

  /** Tables that were made, columns that were changed, enums that were renamed or dropped: by which statement first. */
  #rememberOrigins({ before, after, statement }: Step): void {
    const origins = this.#origins;
    const remember = (id: string): void => void (origins.has(id) || origins.set(id, statement));
    for (const [id, table] of after.tables) {
      const earlier = before.tables.get(id);
      if (earlier === undefined || earlier.policies !== table.policies || earlier.hasRowSecurity !== table.hasRowSecurity) remember(id);
    }
    for (const [id, column] of after.columns) {
      const earlier = before.columns.get(id);
      if (earlier?.sequence !== column.sequence || earlier.default !== column.default || earlier.isIdentity !== column.isIdentity)
        remember(id);
    }
    for (const [id, value] of before.enumValues) if (after.enumValues.get(id)?.enumName !== value.enumName) remember(value.enumId);
  }

  async #counterHits(existing: State, end: State): Promise<readonly EndHit[]> {
    const hits: EndHit[] = [];
    for (const { table, column } of newlyCounted({ existing, end })) {
      await this.#connection.command(`begin; ${settingsFor(this.#namespace, 'local', LOCK_TIMEOUT_MS)}`);
      const most = await this.#number(`select coalesce(max(${column.name}), 0) from ${table.name}`);
      const next = await this.#number(`select last_value + is_called::int from ${column.sequence ?? ''}`);
      await this.#connection.command('rollback');
      if (most >= next) hits.push(counterHit(table, column));
    }
    return hits;
  }

  async #number(text: string): Promise<number> {
    const { rows } = await this.#connection.query({ text, name: undefined, values: [] });
    return Number(rows[0]?.[0]);
  }
}

function failureOf(statement: SqlStatement, error: unknown): TraceFailure {
  const message = databaseError(error)?.message ?? (error instanceof KeelsonError ? error.message : String(error));
  return { statement, sqlState: sqlState(error) ?? '', message, error };
}
