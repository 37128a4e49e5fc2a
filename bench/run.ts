/** `npm run bench -- <name>`: measures Keelson against hand-written code and its peers, in one run on one machine. */
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { BenchmarkOptions } from './benchmark.ts';
import { benchAuth, renderAuth } from './auth.ts';
import { benchChaos, renderChaos } from './chaos.ts';
import { benchClaims } from './claims.ts';
import { renderClaims } from './claims-figures.ts';
import { benchFootprint, renderFootprint } from './footprint.ts';
import { benchGlisk, renderGlisk } from './glisk.ts';
import { benchHttp, renderHttp } from './http.ts';
import { installPeers } from './install.ts';
import { benchLists, renderLists } from './lists.ts';
import { benchMigrate, renderMigrate } from './migrate.ts';
import { benchUnitOfWork, renderUnitOfWork } from './unit-of-work.ts';

interface Benchmark {
  readonly about: string;
  run(options: BenchmarkOptions): Promise<{ readonly result: object; readonly text: string }>;
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  'unit-of-work': {
    about: 'load, change, commit: by hand, Kysely, Drizzle, MikroORM, Keelson (about 8 minutes; --quick about 1)',
    run: async (options) => {
      const result = await benchUnitOfWork(options);
      return { result, text: renderUnitOfWork(result) };
    },
  },
  http: {
    about: 'GET by key and POST: node:http + pg, Fastify + Drizzle, NestJS + TypeORM, Keelson (about 5 minutes; --quick about 1)',
    run: async (options) => {
      const result = await benchHttp(options);
      return { result, text: renderHttp(result) };
    },
  },
  auth: {
    about: 'log-ins: 64 at once beside /health, and the time that a known and an unknown e-mail take (about 4 minutes; --quick about 1)',
    run: async (options) => {
      const result = await benchAuth(options);
      return { result, text: renderAuth(result) };
    },
  },
  migrate: {
    about: 'migrate new with 40 and 300 tables, up of nothing, up of a hundred revisions (about 3 minutes; --quick about 1)',
    run: async (options) => {
      const result = await benchMigrate(options);
      return { result, text: renderMigrate(result) };
    },
  },
  lists: {
    about: 'pages by cursor over a million rows: the first against the ten-thousandth (about 4 minutes; --quick about 1)',
    run: async (options) => {
      const result = await benchLists(options);
      return { result, text: renderLists(result) };
    },
  },
  claims: {
    about: 'claims of rows against pgbench, jobs against graphile-worker and pg-boss (about 10 minutes; --quick about 3)',
    run: async (options) => {
      const result = await benchClaims(options);
      return { result, text: renderClaims(result) };
    },
  },
  chaos: {
    about: '16 workers over 100,000 tokens: killed, cut off, restarted under (about 10 minutes; --quick about 2)',
    run: async (options) => {
      const result = await benchChaos(options);
      return { result, text: renderChaos(result) };
    },
  },
  glisk: {
    about: 'what GLISK is to meet, SC-001 to SC-007 (about 2 minutes)',
    run: async (options) => {
      const result = await benchGlisk(options);
      return { result, text: renderGlisk(result) };
    },
  },
  footprint: {
    about: 'start, probes and memory of the built application beside bare Node, and what it loads (about 4 minutes; --quick about 1)',
    run: async (options) => {
      const result = await benchFootprint(options);
      return { result, text: renderFootprint(result) };
    },
  },
};

const usage = `npm run bench -- <name> [options]

${Object.entries(benchmarks)
  .map(([name, { about }]) => `  ${name.padEnd(14)} ${about}`)
  .join('\n')}

  --quick               few and short rounds: for a look while working, not for a figure to print
  --json                the result with every round, as JSON on standard output
  --only <text>         only contenders whose name contains the text (may be given several times)
  --profile <folder>    each contender leaves a CPU profile there (which itself costs time: no figures from such a run)
  --database-url <url>  a superuser's URL of the PostgreSQL to run on, instead of an embedded one

Figures are CPU time of the client's process per operation unless they say otherwise; see docs/benchmarks.md.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
    'database-url': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const [name] = positionals;
const benchmark = name === undefined ? undefined : benchmarks[name];
if (benchmark === undefined) {
  console.log(name === undefined ? usage : `There is no benchmark ${name}.\n\n${usage}`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  try {
    console.log(await runBenchmark(benchmark));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function runBenchmark(chosen: Benchmark): Promise<string> {
  const say = (line: string): void => console.error(line);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}, Node ${process.versions.node}`;
  await installPeers(say);
  const { result, text } = await chosen.run({
    quick: values.quick,
    databaseUrl: values['database-url'],
    profileDirectory: values.profile,
    wants: (contender) => values.only.length === 0 || values.only.some((part) => contender.toLowerCase().includes(part.toLowerCase())),
    say,
  });
  if (values.json) return JSON.stringify({ benchmark: name, quick: values.quick, machine, ...result }, undefined, 2);
  return `${values.quick ? 'A quick run: a look, not a figure to print.\n' : ''}${machine}\n\n${text}`;
}
