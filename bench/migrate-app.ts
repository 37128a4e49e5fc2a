/** An app with as many tables as are asked for, in a folder of its own, whose program is run and watched. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a run of the program took. */
export interface Run {
  readonly tookMs: number;
  /** The most memory that the program had at once, of its own and of what it loaded; PostgreSQL not. */
  readonly peakMb: number;
  readonly out: string;
}

/** The app. */
export interface MigrateApp {
  /** Adds a column to a table in the middle. */
  change(): void;
  /** Runs a command to its end. */
  run(argv: readonly string[]): Promise<Run>;
  /** Keeps the migrations folder as it is now. */
  keep(): void;
  /** Makes the migrations folder what was kept. */
  restore(): void;
  remove(): void;
}

const root = join(import.meta.dirname, '..');

/** Leaves the peak of a process where it is asked to, whatever way it ends. */
const watcher = `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS)));
`;

/** Makes an app of so many tables whose database is at this URL. */
export function makeMigrateApp(tables: number, databaseUrl: string | undefined): MigrateApp {
  mkdirSync(join(root, '.keelson'), { recursive: true });
  // In the repository, so that keelson is found.
  const folder = mkdtempSync(join(root, '.keelson', 'bench-migrate-'));
  const migrations = join(folder, 'migrations');
  const kept = join(folder, 'kept');
  mkdirSync(migrations);
  writeFileSync(join(folder, 'package.json'), '{ "name": "bench-migrate", "type": "module" }\n');
  writeFileSync(join(folder, 'watch.ts'), watcher);
  writeFileSync(join(folder, 'app.ts'), program(tables));
  return {
    change: () => writeFileSync(join(folder, 'app.ts'), program(tables, tables >> 1)),
    run: (argv) => runIn(folder, argv, databaseUrl),
    keep: () => cpSync(migrations, kept, { recursive: true }),
    restore: () => {
      rmSync(migrations, { recursive: true });
      cpSync(kept, migrations, { recursive: true });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function runIn(folder: string, argv: readonly string[], databaseUrl: string | undefined): Promise<Run> {
  const { PATH, HOME } = process.env;
  const peak = join(folder, 'peak');
  const env = { PATH, HOME, DATABASE_URL: databaseUrl, PEAK_FILE: peak, NODE_COMPILE_CACHE: join(root, '.keelson', 'compile-cache') };
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--import', './watch.ts', 'app.ts', ...argv], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  await once(child, 'close');
  const tookMs = performance.now() - startedMs;
  if (child.exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${child.exitCode ?? child.signalCode}:\n${out}${err}`);
  return { tookMs, peakMb: Number(readFileSync(peak, 'utf8')) / 1024, out };
}

/** Tables as apps have them: a key, a dozen columns, an enum, references to two others, indexes, a check, a policy now and then. */
function program(tables: number, changed = -1): string {
  return `/** The app of a benchmark. */
import { main } from 'keelson/cli';
import { baseSettings, defineSettings } from 'keelson/config';
import { defineApp } from 'keelson/http';
import * as s from 'keelson/schema';
import { defineModel } from 'keelson/work';

${Array.from({ length: Math.ceil(tables / 8) }, (_, at) => `const status${at} = s.enumType('status_${at}', ['detected', 'generating', 'ready', 'failed']);`).join('\n')}

${Array.from({ length: tables }, (_, at) => tableText(at, at === changed)).join('\n')}

const app = defineApp({
  name: 'bench',
  version: '1.0.0',
  model: defineModel({ name: 'bench', tables: [${Array.from({ length: tables }, (_, at) => `t${at}`).join(', ')}], repositories: {} }),
  settings: defineSettings(baseSettings),
  migrationsDirectory: new URL('./migrations', import.meta.url),
  services: () => ({}),
  routes: [],
});

if (import.meta.main) void main(app);
`;
}

function tableText(at: number, isChanged: boolean): string {
  const references =
    at === 0 ? '' : `  parentId: s.references(() => t${at - 1}, { onDelete: 'cascade' }),\n  rootId: s.references(() => t0).nullable(),\n`;
  const policy =
    at % 10 === 0 ? `\n  s.policy('tenant', { using: s.sql\`\${t.tenantId} = \${s.setting('app.tenant_id', 'uuid')}\` }),` : '';
  return `const t${at} = s.table('things_${at}', {
  id: s.uuid().primaryKey(),
  tenantId: s.uuid(),
${references}  name: s.varchar(100),
  code: s.varchar(32).unique(),
  status: status${at >> 3}().default('detected'),
  amount: s.numeric(12, 2).default('0'),
  count: s.integer().default(0),
  isOpen: s.boolean().default(true),
  tags: s.text().array().default([]),
  extra: s.jsonb().nullable(),
${isChanged ? '  nickname: s.varchar(64).nullable(),\n' : ''}  createdAt: s.createdAt(),
  updatedAt: s.updatedAt(),
}, (t) => [
  s.index(t.tenantId, t.createdAt),
  s.index(t.status, { where: s.sql\`\${t.isOpen}\` }),
  s.check(s.sql\`\${t.amount} >= 0\`),${policy}
]);
`;
}
