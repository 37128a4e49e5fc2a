/** The OpenAPI document judged from outside: by Spectral with OWASP's rules, and by a typed client that is made from it and used. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { testApp } from 'keelson/testing';
import { accounts } from '../apps/accounts/app.ts';
import { larpManager } from '../apps/larp-manager/app.ts';
import { checkLock } from './tidy/lock.ts';

const run = promisify(execFile);
const tools = path.join(import.meta.dirname, 'openapi-tools');
const lockFile = path.join(tools, 'package-lock.json');
const tool = (...parts: readonly string[]): string => path.join(tools, ...parts);

interface Finding {
  readonly code: string;
  readonly message: string;
  readonly path: string;
  readonly severity: string;
}

/** The tools as their lock file has them, installed once; no script of theirs is run. */
before(async () => {
  const mark = tool('node_modules', '.keelson-tools');
  const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: tools });
  writeFileSync(mark, wanted);
});

async function judge(file: string): Promise<readonly Finding[]> {
  const { stdout } = await run(process.execPath, [tool('spectral.ts'), file], { maxBuffer: 64 * 1024 * 1024 });
  return parseFindings(stdout);
}

test('the lock file of the tools names everything that is asked for', () => {
  assert.deepEqual(checkLock('package-lock.json', readFileSync(lockFile, 'utf8')), []);
});

/** What Spectral calls an error in the document of an app. */
async function errorsOf(file: string, document: string): Promise<readonly Finding[]> {
  writeFileSync(file, document);
  return (await judge(file)).filter(({ severity }) => severity === 'error');
}

// FND-9 INF-9 LRP-15
test("Spectral finds no error in the documents, by its own rules and by OWASP's", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-openapi-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'openapi.json');
  await using ofAccounts = await testApp(accounts);
  await using ofLarp = await testApp(larpManager);
  const documents = [];
  for (const app of [ofAccounts, ofLarp]) documents.push((await app.inject({ method: 'GET', url: '/openapi.json' })).body);
  for (const document of documents) assert.deepEqual(await errorsOf(file, document), []);

  // The same judge, told of a document that is not as it must be: it can say no.
  const [body = ''] = documents;
  const broken = body.replaceAll('"maxLength"', '"x-length"').replaceAll('"429"', '"428"').replace('"operationId"', '"x-id"');
  const codes = new Set((await errorsOf(file, broken)).map(({ code }) => code));
  assert.ok(codes.has('owasp:api4:2023-string-limit'), [...codes].join(', '));
});

// INF-9 FND-9
test('a client that is typed by the document alone compiles, and registers, logs in and asks who it is', async () => {
  await using app = await testApp(accounts);
  const origin = await app.server.listen({ host: '127.0.0.1', port: 0 });
  const folder = tool('dist');
  mkdirSync(folder, { recursive: true });
  await run(process.execPath, [
    tool('node_modules/openapi-typescript/bin/cli.js'),
    `${origin}/openapi.json`,
    '-o',
    path.join(folder, 'api.d.ts'),
  ]);
  await run(process.execPath, [tool('node_modules/typescript/bin/tsc'), '-p', tools]).catch((error: unknown) => {
    assert.fail(parseOutput(error));
  });
  const { stdout } = await run(process.execPath, [tool('client.ts'), origin]);
  assert.deepEqual(JSON.parse(stdout), {
    registered: 201,
    type: 'bearer',
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    renamed: null,
    status: 401,
    error: 'UNAUTHENTICATED',
  });
});

function parseFindings(json: string): readonly Finding[] {
  return JSON.parse(json) as readonly Finding[];
}

/** What the compiler said is on its standard output. */
function parseOutput(error: unknown): string {
  return (error as { readonly stdout: string }).stdout;
}
