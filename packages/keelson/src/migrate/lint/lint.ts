/** The lints: every statement of a revision is run in a shadow with rows, and PostgreSQL is asked what it did. */
import type { Connection } from '../../postgres/connection.ts';
import { type AnyTable, tableInfo } from '../../schema/table.ts';
import { seedRows } from '../plan/seed.ts';
import type { Shadow, Shadows } from '../plan/shadow.ts';
import { touchedTables } from '../plan/touched.ts';
import type { Revision } from '../revision.ts';
import { Migrator } from '../runner.ts';
import { applyAcceptances } from './accept.ts';
import { failureFinding } from './failure-rule.ts';
import type { Finding } from './finding.ts';
import { trace, type TraceRequest } from './trace.ts';

/** What to lint. */
export interface LintRequest {
  readonly shadows: Shadows;
  /** All revisions, in order. */
  readonly revisions: readonly Revision[];
  readonly namespace: string;
  /** The ids of those to look at; all but the first, which meets no rows and no service, when it is not said. */
  readonly only?: readonly string[] | undefined;
  /** The tables of the code, to know what is still declared. */
  readonly tables?: readonly AnyTable[] | undefined;
  /** Fills the tables before each revision, instead of rows made up. */
  readonly rows?: ((connection: Connection) => Promise<void>) | undefined;
  /** A shadow with the first `count` revisions in it and nothing else; it is used up, instead of running these anew. */
  readonly replayed?: { readonly shadow: Shadow; readonly count: number } | undefined;
}

/**
 * What the revisions would do to the service that runs, in the order of their lines. Revisions in TypeScript are run, and not looked at.
 *
 * @throws MIGRATION_FAILED when a revision does not run at all
 */
export async function lintRevisions(request: LintRequest): Promise<readonly Finding[]> {
  const { revisions, only } = request;
  const wanted = new Set(only ?? revisions.slice(1).map((revision) => revision.id));
  const lint = new Lint(request);
  try {
    const findings: Finding[] = [];
    for (const [place, revision] of revisions.entries()) {
      if (wanted.has(revision.id) && revision.code === undefined) findings.push(...(await lint.revision(place)));
    }
    return findings;
  } finally {
    await lint.close();
  }
}

/** Where revisions are looked at. */
interface Bench {
  readonly shadow: Shadow;
  readonly connection: Connection;
  /** How many revisions are in it. */
  readonly place: number;
}

/** The shadows of one run: one on which the revisions are replayed, and copies of it with rows, on which they are looked at. */
class Lint {
  readonly #shadows: Shadows;
  readonly #revisions: readonly Revision[];
  readonly #namespace: string;
  readonly #rows: LintRequest['rows'];
  readonly #declared: ReadonlySet<string>;
  #given: LintRequest['replayed'];
  #replayed: Shadow | undefined;
  /** It goes on to the next revision as long as nothing fails. */
  #bench: Bench | undefined;

  constructor({ shadows, revisions, namespace, rows, tables = [], replayed }: LintRequest) {
    this.#shadows = shadows;
    this.#revisions = revisions;
    this.#namespace = namespace;
    this.#rows = rows;
    this.#given = replayed;
    this.#declared = new Set(
      tables.map(tableInfo).flatMap(({ name, columns }) => [name, ...columns.map((column) => `${name}.${column.name}`)]),
    );
  }

  async revision(place: number): Promise<readonly Finding[]> {
    const revision = this.#revisions[place];
    if (revision === undefined) return [];
    const bench = await this.#benchAt(place);
    await this.#fill(bench.connection, revision);
    const withRows = await trace(bench.connection, this.#traced(place, revision));
    if (withRows.failure === undefined) {
      this.#bench = { ...bench, place: place + 1 };
      return applyAcceptances(revision, withRows.findings);
    }
    // Once more without rows: what fails on them may still have more to say.
    await this.#dropBench();
    const empty = await this.#benchAt(place);
    const withoutRows = await trace(empty.connection, this.#traced(place, revision));
    await this.#dropBench();
    if (withoutRows.failure !== undefined) await this.#replayTo(place + 1);
    const failed = failureFinding(revision, withRows.failure);
    // Why it failed says more than that the whole table was read for it.
    const others = withoutRows.findings.filter(({ line, rule }) => line !== failed.line || rule !== 'scan-under-lock');
    return applyAcceptances(revision, [...others, failed]);
  }

  /** Rows in the tables that the revision can reach. */
  async #fill(connection: Connection, revision: Revision): Promise<void> {
    if (this.#rows !== undefined) return this.#rows(connection);
    await seedRows(connection, { only: await touchedTables(connection, { texts: revision.up }) });
  }

  /** What an older revision took away may have come back since. */
  #traced(place: number, revision: Revision): TraceRequest {
    return { namespace: this.#namespace, revision, declared: place === this.#revisions.length - 1 ? this.#declared : new Set() };
  }

  async close(): Promise<void> {
    await this.#dropBench();
    await this.#replayed?.drop();
    this.#replayed = undefined;
  }

  async #benchAt(place: number): Promise<Bench> {
    if (this.#bench?.place === place) return this.#bench;
    await this.#dropBench();
    const shadow = this.#takeGiven(place) ?? (await (await this.#replayTo(place)).clone());
    this.#bench = { shadow, connection: await shadow.connect(), place };
    return this.#bench;
  }

  async #dropBench(): Promise<void> {
    const bench = this.#bench;
    this.#bench = undefined;
    await bench?.shadow.drop();
  }

  /** A copy would cost a durable server as much as all else that is done in it. */
  #takeGiven(place: number): Shadow | undefined {
    if (this.#given?.count !== place) return undefined;
    const { shadow } = this.#given;
    this.#given = undefined;
    return shadow;
  }

  async #replayTo(place: number): Promise<Shadow> {
    this.#replayed ??= await this.#shadows.create();
    const connection = await this.#replayed.connect();
    await new Migrator({ connection, revisions: this.#revisions.slice(0, place), namespace: this.#namespace }).up();
    await connection.close();
    return this.#replayed;
  }
}
