/** One planted fault for each rule of the linter: the file it stands in, and the code. */

/** A file with exactly one fault, of the named rule. */
export interface Fault {
  readonly rule: string;
  readonly path: string;
  readonly text: string;
  /** Rules that report the same fault in their own words. */
  readonly with?: readonly string[];
}

const SOURCE = 'packages/keelson/src/planted';

let count = 0;

/** A fault in a source of the library, unless another path says otherwise. */
function fault(rule: string, code: string, place?: string): Fault {
  count += 1;
  return { rule, path: place ?? `${SOURCE}/fault-${count}.ts`, text: `/** A planted fault. */\n${code}\n` };
}

const lines = (amount: number, line: (index: number) => string): string =>
  Array.from({ length: amount }, (_, index) => line(index)).join('\n');

/** Faults of rules that look at one file. */
const single: readonly Fault[] = [
  { rule: 'house/first-sentence', path: `${SOURCE}/no-sentence.ts`, text: 'export const a = 1;\n' },
  fault('house/catalogue-errors', `export function fail(): never {\n  throw new Error('no code');\n}`),
  fault('house/catalogue-errors', `export function fail(): never {\n  throw new TypeError('no code');\n}`),
  fault('house/assertions-in-parse', `export function read(value: unknown): string {\n  return value as string;\n}`),
  fault('house/clock-only', 'export const now = (): number => Date.now();'),
  fault('house/clock-only', 'export const now = (): Date => new Date();'),
  fault(
    'house/entity-shape',
    `declare function entity(table: string): new () => object;\nexport class Token extends entity('tokens') {\n  tokenId = 1;\n}`,
  ),
  fault(
    'house/entity-shape',
    `declare function entity(table: string): new () => object;\nexport class Token extends entity('tokens') {\n  #secret(): number {\n    return 1;\n  }\n  open(): number {\n    return this.#secret();\n  }\n}`,
  ),
  fault(
    'house/constant-sql',
    'declare const sql: { raw(text: string): string };\nexport const find = (name: string): string => sql.raw(`select ${name}`);',
    'apps/accounts/users/repository.ts',
  ),
  fault('typescript/no-explicit-any', 'export function take(value: any): void {\n  void value;\n}'),
  fault('typescript/no-non-null-assertion', 'export function first(list: string[]): string {\n  return list[0]!;\n}'),
  fault('typescript/no-unsafe-argument', `export const size = Number.parseInt(JSON.parse('"1"'));`),
  fault('typescript/no-unsafe-assignment', `export function take(): void {\n  const value = JSON.parse('1');\n  void value;\n}`),
  fault('typescript/no-unsafe-call', `export function take(): void {\n  JSON.parse('1')();\n}`),
  fault('typescript/no-unsafe-member-access', `export function take(): void {\n  void JSON.parse('1').a;\n}`),
  fault('typescript/no-unsafe-return', `export function take(): string {\n  return JSON.parse('1');\n}`),
  fault(
    'typescript/no-misused-promises',
    'export function take(list: string[]): void {\n  list.forEach(async () => {\n    await Promise.resolve();\n  });\n}',
  ),
  fault('typescript/no-deprecated', '/** @deprecated use b */\nfunction a(): number {\n  return 1;\n}\nexport const b = a();'),
  fault('typescript/only-throw-error', `export function fail(): never {\n  throw 'a text';\n}`),
  fault('typescript/prefer-promise-reject-errors', `export const fail = (): Promise<never> => Promise.reject('a text');`),
  fault(
    'typescript/switch-exhaustiveness-check',
    `export function take(state: 'a' | 'b'): void {\n  switch (state) {\n    case 'a':\n      void state;\n      break;\n  }\n}`,
  ),
  fault(
    'typescript/return-await',
    'export async function take(): Promise<number> {\n  try {\n    return Promise.resolve(1);\n  } catch {\n    return 2;\n  }\n}',
  ),
  fault('typescript/consistent-type-imports', `import { Clock } from './clean.ts';\nexport const take = (clock: Clock): Clock => clock;`),
  fault('typescript/consistent-type-exports', `export { Clock } from './clean.ts';`),
  fault(
    'typescript/no-import-type-side-effects',
    `import { type Clock, type Other } from './clean.ts';\nexport const take = (clock: Clock): Other => clock;`,
  ),
  fault('typescript/ban-ts-comment', '// @ts-ignore because it is long enough\nexport const a: number = 1;'),
  fault('typescript/no-require-imports', `import path = require('node:path');\nexport const a = path.sep;`),
  fault('typescript/no-floating-promises', 'export function start(): void {\n  Promise.resolve();\n}'),
  fault('import/no-default-export', 'const a = 1;\nexport default a;'),
  fault('import/extensions', `export { a } from './clean';`),
  fault('import/no-mutable-exports', 'export let a = 1;\na += 1;'),
  fault('import/no-duplicates', `import { a } from './clean.ts';\nimport { b } from './clean.ts';\nexport const c = [a, b];`),
  fault('unicorn/prefer-node-protocol', `import { sep } from 'path';\nexport const a = sep;`),
  fault('unicorn/no-abusive-eslint-disable', '/* oxlint-disable */\nexport const a: any = 1;'),
  fault('unicorn/throw-new-error', `class TakenError extends Error {}\nexport function fail(): never {\n  throw TakenError('x');\n}`),
  fault('node/no-process-env', `export const home = process.env['HOME'];`),
  fault('eslint/eqeqeq', 'export const same = (a: string, b: string): boolean => a == b;'),
  fault('eslint/no-var', 'var a = 1;\nexport const b = a;'),
  fault('eslint/prefer-const', 'let a = 1;\nexport const b = a;'),
  fault('eslint/no-empty', `export function take(): void {\n  try {\n    void 0;\n  } catch {}\n}`),
  fault('eslint/no-console', `console.log('hello');\nexport const a = 1;`),
  { ...fault('eslint/no-new-func', `export const make = (): unknown => new Function('return 1');`), with: ['typescript/no-implied-eval'] },
  fault('eslint/no-restricted-properties', 'export const luck = (): number => Math.random();'),
  fault(
    'eslint/max-lines',
    lines(301, (index) => `export const a${index} = ${index};`),
  ),
  fault(
    'eslint/max-lines',
    lines(601, (index) => `export const a${index} = ${index};`),
    `${SOURCE}/long.test.ts`,
  ),
  fault('eslint/max-lines-per-function', `export function long(): void {\n${lines(61, (index) => `  void ${index};`)}\n}`),
  fault(
    'eslint/max-params',
    'export function take(a: number, b: number, c: number, d: number, e: number): number {\n  return a + b + c + d + e;\n}',
  ),
  fault('eslint/no-restricted-globals', 'setTimeout(() => undefined, 1);\nexport const a = 1;', `${SOURCE}/timer.test.ts`),
  fault(
    'eslint/no-restricted-imports',
    `import { setTimeout as wait } from 'node:timers/promises';\nexport const a = wait;`,
    `${SOURCE}/wait.test.ts`,
  ),
  // Of the categories that are on as a whole, one each.
  fault('typescript/await-thenable', 'export async function take(value: number): Promise<void> {\n  await value;\n}'),
  fault('eslint/no-shadow', 'const a = 1;\nexport const b = (): number => {\n  const a = 2;\n  return a;\n};\nexport const c = a;'),
  fault(
    'oxc/no-accumulating-spread',
    'export const take = (list: string[]): string[] => list.reduce<string[]>((all, each) => [...all, each], []);',
  ),
];

/** A circle of values, and one of types only: each file of it is reported. */
const circles: readonly Fault[] = [
  fault('import/no-cycle', `import { two } from './circle-two.ts';\nexport const one = (): unknown => two;`, `${SOURCE}/circle-one.ts`),
  fault('import/no-cycle', `import { one } from './circle-one.ts';\nexport const two = (): unknown => one;`, `${SOURCE}/circle-two.ts`),
  fault('import/no-cycle', `import type { Four } from './types-four.ts';\nexport type Three = Four | 3;`, `${SOURCE}/types-three.ts`),
  fault(
    'import/no-cycle',
    `import type { Three } from './types-three.ts';\nexport interface Four {\n  readonly three: Three;\n}`,
    `${SOURCE}/types-four.ts`,
  ),
];

/** Every planted fault. */
export const faults: readonly Fault[] = [...single, ...circles];

/** What the rules allow, in the places where they allow it: nothing of it may be reported. */
export const clean: readonly Omit<Fault, 'rule'>[] = [
  {
    path: `${SOURCE}/clean.ts`,
    text: `/** A clean file. */
export const a = 1;
export const b = ['x', 'y'] as const satisfies readonly string[];
export interface Clock {
  readonly at: number;
}
export type Other = Clock;
export function parseClock(text: string): Clock {
  return JSON.parse(text) as Clock;
}
export const at = (): Date => new Date(0);
`,
  },
  { path: 'packages/keelson/src/clock.ts', text: '/** Time. */\nexport const now = (): Date => new Date();\n' },
  { path: 'packages/keelson/src/config/environment.ts', text: `/** The environment. */\nexport const home = process.env['HOME'];\n` },
  { path: 'packages/keelson/src/cli/say.ts', text: `/** Says. */\nexport const say = (): void => {\n  console.log('hello');\n};\n` },
  {
    path: `${SOURCE}/clean.test.ts`,
    text: `/** A clean test. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
describe('a group', () => {
  test('a failure of others is passed on', async () => {
    await assert.rejects(async () => {
      await Promise.resolve();
      throw new Error('of others');
    });
  });
});
`,
  },
];
