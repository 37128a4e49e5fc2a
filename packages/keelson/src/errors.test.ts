/** The catalogue of errors, what an error carries, and that documents, catalogue and source agree. */
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue, isKeelsonError, KeelsonError, toKeelsonError, type ErrorCode } from './errors.ts';

const root = join(import.meta.dirname, '../../..');

interface Entry {
  readonly status: number;
  readonly title: string;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const entries: readonly (readonly [string, Entry])[] = Object.entries(catalogue);

/** The rows that the document must have, in the order of the catalogue. */
function rows(): string[] {
  return entries.map(([code, { status, title, message, hint, retryable }]) => {
    const words = [title, message, hint].map((each) => each.replaceAll('|', '\\|')).join(' | ');
    return `| \`${code}\` | ${status} | ${words} | ${retryable ? 'yes' : 'no'} |`;
  });
}

function rowsOf(document: string): string[] {
  return document.split('\n').filter((line) => line.startsWith('| `'));
}

/** The codes that a source uses, or says in a doc comment that it throws. */
function codesIn(source: string): Set<string> {
  const quoted = source.matchAll(/'([A-Z]+(?:_[A-Z]+)*)'/g);
  return new Set([...quoted, ...thrownIn(source)].map((match) => match[1] ?? ''));
}

function thrownIn(source: string): RegExpMatchArray[] {
  return [...source.matchAll(/@throws\s+\{?([A-Z]+(?:_[A-Z]+)*)\b/g)];
}

/** Codes where a code must stand that the catalogue does not have. */
function unknownIn(source: string): string[] {
  const made = source.matchAll(/(?:KeelsonError\(|isKeelsonError\([^)']*,)\s*'([^']*)'/g);
  return [...made, ...thrownIn(source)].map((match) => match[1] ?? '').filter((code) => !Object.hasOwn(catalogue, code));
}

async function sources(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const path of glob(['packages/*/src/**/*.ts', 'apps/**/*.ts'], { cwd: root, exclude: (name) => name === 'node_modules' })) {
    if (!path.endsWith('.test.ts') && !path.endsWith('src/errors.ts')) found.set(path, await readFile(join(root, path), 'utf8'));
  }
  return found;
}

test('docs/errors.md lists every code of the catalogue, in its order, with its status, words and hint', async () => {
  assert.deepEqual(rowsOf(await readFile(join(root, 'docs/errors.md'), 'utf8')), rows());
});

test('every code of the catalogue is used in the source, or said there to be thrown', async () => {
  const used = new Set([...(await sources()).values()].flatMap((source) => [...codesIn(source)]));
  assert.deepEqual(
    entries.map(([code]) => code).filter((code) => !used.has(code)),
    [],
  );
});

test('the source uses no code, and names none in a doc comment, that the catalogue does not have', async () => {
  const found = await sources();
  assert.ok(found.size > 50, 'the source was found');
  const unknown = [...found].flatMap(([path, source]) => unknownIn(source).map((code) => `${path}: ${code}`));
  assert.deepEqual(unknown, []);
});

test('these checks see what is planted: a changed row, a missing one, an unused code, an unknown one', () => {
  const document = rows().join('\n');
  assert.deepEqual(rowsOf(document), rows());
  assert.notDeepEqual(rowsOf(document.replace('| 404 |', '| 403 |')), rows());
  assert.notDeepEqual(rowsOf(document.replace(/^.*NOT_FOUND.*\n/m, '')), rows());
  assert.deepEqual([...codesIn(`/** @throws CONFLICT when taken. */\nthrow new KeelsonError('NOT_FOUND');`)], ['NOT_FOUND', 'CONFLICT']);
  assert.deepEqual([...codesIn('// CONFLICT is only mentioned here')], []);
  assert.deepEqual(
    unknownIn(
      `/** @throws NOT_FUOND */ new KeelsonError('NOT_FOUND'); new KeelsonError(\n  'GONE_AWAY', {}); isKeelsonError(error, 'NO_SUCH')`,
    ),
    ['GONE_AWAY', 'NO_SUCH', 'NOT_FUOND'],
  );
});

for (const [code, { status, title, message, hint }] of entries) {
  test(`${code} has a status of HTTP, a title, a sentence and a hint`, () => {
    assert.match(code, /^[A-Z]+(?:_[A-Z]+)*$/);
    assert.ok(Number.isInteger(status) && status >= 400 && status <= 599);
    assert.match(title, /^[A-Z][^.]*$/);
    assert.match(message, /^[A-Z].*\.$/);
    assert.match(hint, /^[A-Z].*\.$/);
  });
}

test('what is retryable is the fault of load or time, never of the request', () => {
  for (const [code, { status, retryable }] of entries) {
    if (retryable) assert.ok(status === 408 || status === 429 || status >= 503, code);
  }
});

test('an error has the words of its code unless it says more', () => {
  const plain = new KeelsonError('NOT_FOUND');
  assert.ok(plain instanceof Error);
  assert.deepEqual(
    [plain.name, plain.code, plain.status, plain.title, plain.message, plain.hint, plain.retryable],
    ['KeelsonError', 'NOT_FOUND', 404, 'Not found', 'There is nothing here.', 'Check the address and the id.', false],
  );
  assert.deepEqual(
    [plain.detail, plain.validationErrors, plain.retryAfterS, plain.data, plain.cause],
    [undefined, undefined, undefined, undefined, undefined],
  );
  assert.equal('cause' in plain, false);
  const cause = new RangeError('why');
  const full = new KeelsonError('RATE_LIMITED', {
    message: 'Too many logins.',
    hint: 'Wait.',
    detail: 'Five a minute.',
    validationErrors: [{ field: 'body', message: 'no' }],
    retryAfterS: 60,
    data: { address: '::1' },
    cause,
  });
  assert.deepEqual(
    [full.message, full.hint, full.detail, full.validationErrors, full.retryAfterS, full.data, full.cause, full.retryable],
    ['Too many logins.', 'Wait.', 'Five a minute.', [{ field: 'body', message: 'no' }], 60, { address: '::1' }, cause, true],
  );
});

test('an error of the catalogue is told from others, and by its code', () => {
  const error = new KeelsonError('CONFLICT');
  assert.equal(isKeelsonError(error), true);
  assert.equal(isKeelsonError(error, 'CONFLICT'), true);
  assert.equal(isKeelsonError(error, 'NOT_FOUND'), false);
  for (const other of [new RangeError('x'), { code: 'CONFLICT' }, 'CONFLICT', undefined, null])
    assert.equal(isKeelsonError(other, 'CONFLICT'), false);
});

test('whatever is thrown becomes an error of the catalogue, and keeps what it was as its cause', () => {
  const known = new KeelsonError('CONFLICT');
  assert.equal(toKeelsonError(known), known);
  const cause = new RangeError('secret detail');
  const made = toKeelsonError(cause);
  assert.equal(made.code, 'INTERNAL_SERVER_ERROR' satisfies ErrorCode);
  assert.equal(made.cause, cause);
  assert.doesNotMatch(made.message, /secret detail/);
  assert.equal(toKeelsonError('text').cause, 'text');
});
