/** Each kind of setting: its type, its words in documents, its limits, and what it checks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import type { AppEnvironment, Declarations, SettingsOf } from './declaration.ts';
import { choice, databaseUrl, feature, flag, host, integer, list, port, secret, text, url } from './kinds.ts';
import { defineSettings } from './definition.ts';
import { loadSettings } from './load.ts';

const nowhere = '/nonexistent';

function load<const D extends Declarations>(declarations: D, environment: Record<string, string> = {}): SettingsOf<D> {
  return loadSettings(defineSettings(declarations), { environment, directory: nowhere, terminal: false }).values;
}

function refused(declarations: Declarations, environment: Record<string, string>): string {
  try {
    load(declarations, environment);
  } catch (error) {
    assert.ok(isKeelsonError(error, 'CONFIG_INVALID'));
    return error.message;
  }
  assert.fail('was taken');
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when both are the same type. */
function same<A, B>(answer: Same<A, B>): void {
  assert.equal(answer, true);
}

test('a setting with a default, or required, is never missing in its type; another may be', () => {
  const declarations = {
    WITH: integer({ description: 'x', default: 1, min: 0, max: 9 }),
    WITHOUT: integer({ description: 'x', min: 0, max: 9 }),
    REQUIRED: text({ description: 'x', required: true }),
    SOMEWHERE: secret({ description: 'x', requiredIn: ['production'] }),
    WORD: choice({ description: 'x', values: ['a', 'b'], default: 'a' }),
    DEPENDS: choice({ description: 'x', values: ['a', 'b'], default: { note: 'b', value: () => 'b' as const } }),
    OPEN: choice({ description: 'x', values: ['a', 'b'] }),
    ON: flag({ description: 'x', default: false }),
    MANY: list({ description: 'x' }),
    LISTEN: port(8000),
    FEATURE_X: feature({ description: 'x' }),
  };
  type Values = SettingsOf<typeof declarations>;
  same<Values['WITH'], number>(true);
  same<Values['WITHOUT'], number | undefined>(true);
  same<Values['REQUIRED'], string>(true);
  same<Values['SOMEWHERE'], string | undefined>(true);
  same<Values['WORD'], 'a' | 'b'>(true);
  same<Values['DEPENDS'], 'a' | 'b'>(true);
  same<Values['OPEN'], 'a' | 'b' | undefined>(true);
  same<Values['ON'], boolean>(true);
  same<Values['MANY'], readonly string[]>(true);
  same<Values['LISTEN'], number>(true);
  same<Values['FEATURE_X'], boolean>(true);
  // @ts-expect-error these types differ: the comparison can fail
  same<Values['WITH'], string>(true);
  // @ts-expect-error a default is one of the choices
  choice({ description: 'x', values: ['a', 'b'], default: 'c' });
  // @ts-expect-error a description is not optional
  text({});
  assert.deepEqual(load(declarations, { REQUIRED: 'r' }), {
    WITH: 1,
    WITHOUT: undefined,
    REQUIRED: 'r',
    SOMEWHERE: undefined,
    WORD: 'a',
    DEPENDS: 'b',
    OPEN: undefined,
    ON: false,
    MANY: [],
    LISTEN: 8000,
    FEATURE_X: false,
  });
});

test('what is set comes out with its type', () => {
  const values = load(
    {
      NAME: text({ description: 'x' }),
      COUNT: integer({ description: 'x', min: 0, max: 9 }),
      ON: flag({ description: 'x' }),
      WORD: choice({ description: 'x', values: ['a', 'b'] }),
      MANY: list({ description: 'x' }),
      RPC: url({ description: 'x' }),
      DATABASE: databaseUrl({ description: 'x' }),
      ADDRESS: host({ description: 'x' }),
      KEY: secret({ description: 'x' }),
      FEATURE_X: feature({ description: 'x', default: true }),
    },
    {
      NAME: ' Ann ',
      COUNT: '7',
      ON: 'yes',
      WORD: 'B',
      MANY: 'a, b,,a ,c',
      RPC: 'https://rpc.example.com',
      DATABASE: 'postgresql+asyncpg://u:p@db/app',
      ADDRESS: '::1',
      KEY: 'k',
      FEATURE_X: 'off',
    },
  );
  assert.deepEqual(values, {
    NAME: 'Ann',
    COUNT: 7,
    ON: true,
    WORD: 'b',
    MANY: ['a', 'b', 'c'],
    RPC: 'https://rpc.example.com',
    DATABASE: 'postgresql://u:p@db/app',
    ADDRESS: '::1',
    KEY: 'k',
    FEATURE_X: false,
  });
});

test('a text may be asked to have a form, which is told in words', () => {
  const declarations = { PATH_V1: text({ description: 'x', pattern: { matches: /^\/\w+$/, words: 'a path like /api' } }) };
  assert.deepEqual(load(declarations, { PATH_V1: '/api' }), { PATH_V1: '/api' });
  assert.match(refused(declarations, { PATH_V1: 'api' }), /PATH_V1: it does not have the form that it needs\. Write a path like \/api\./);
});

test('a port is 0 to 65535', () => {
  assert.deepEqual(load({ PORT: port(1) }, { PORT: '0' }), { PORT: 0 });
  assert.match(refused({ PORT: port(1) }, { PORT: '65536' }), /PORT: 65536 is more than 65535/);
});

test('a list is bounded, and each of its items is read', () => {
  assert.match(refused({ MANY: list({ description: 'x', itemsMax: 2 }) }, { MANY: 'a,b,c' }), /MANY: it lists 3\. List at most 2\./);
  const origins = { ORIGINS: list({ description: 'x', of: 'origin' }) };
  assert.deepEqual(load(origins, { ORIGINS: 'http://localhost:3000,https://a.example' }), {
    ORIGINS: ['http://localhost:3000', 'https://a.example'],
  });
  assert.match(
    refused(origins, { ORIGINS: 'http://localhost:3000,https://a.example/' }),
    /ORIGINS: 'https:\/\/a\.example\/' is not exactly an origin/,
  );
});

test('a list may have a default of its own', () => {
  assert.deepEqual(load({ MANY: list({ description: 'x', default: ['a'] }) }), { MANY: ['a'] });
  assert.deepEqual(load({ MANY: list({ description: 'x', default: { note: 'b', value: () => ['b'] } }) }), { MANY: ['b'] });
});

const environments: readonly AppEnvironment[] = ['development', 'staging', 'production', 'test'];

for (const environment of environments) {
  const strict = environment === 'staging' || environment === 'production';
  test(`a weak strong secret is ${strict ? 'refused' : 'warned about'} in ${environment}, alone or in a list`, () => {
    // FND-1
    const declarations = {
      KEY: secret({ description: 'x', strong: true }),
      OLD: list({ description: 'x', of: 'secret' }),
      ANY: secret({ description: 'x' }),
    };
    const given = { APP_ENV: environment, KEY: 'hunter2', OLD: 'hunter3,hunter4', ANY: 'hunter5' };
    const words = /KEY: it is shorter than 32 bytes\. Make one: openssl rand[^]*OLD: it is shorter[^]*OLD: it is shorter/;
    if (strict) {
      const said = refused(declarations, given);
      assert.match(said, words);
      assert.doesNotMatch(said, /hunter/);
    } else {
      const loaded = loadSettings(defineSettings(declarations), { environment: given, directory: nowhere });
      assert.match(loaded.warnings.join('\n'), words);
      assert.doesNotMatch(loaded.warnings.join('\n'), /hunter/);
    }
  });
}

test('an app adds checks of its own, which see the other settings', () => {
  const declarations = {
    LOW: integer({ description: 'x', default: 1, min: 0, max: 9 }),
    HIGH: integer({
      description: 'x',
      default: 5,
      min: 0,
      max: 9,
      check: (high, { values }) => (high < Number(values['LOW']) ? { problem: 'it is less than LOW', hint: 'Raise it.' } : undefined),
    }),
  };
  assert.deepEqual(load(declarations), { LOW: 1, HIGH: 5 });
  assert.match(refused(declarations, { LOW: '6' }), /HIGH: it is less than LOW\. Raise it\./);
});
