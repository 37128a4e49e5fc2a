/** The command line: help at every level, what is not understood, settings shown, and failures told. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeSample } from './sample.fixture.ts';

const key = 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx';

test('help is there on every level, and names every command below', async () => {
  using sample = makeSample();
  const top = await sample.command(['--help']);
  assert.equal(top.code, 0);
  assert.equal(top.err, '');
  for (const word of ['serve', 'dev', 'migrate', 'db', 'user', 'routes', 'config', 'doctor', 'Exit codes'])
    assert.ok(top.out.includes(word), word);

  const group = await sample.command(['migrate', '--help']);
  assert.equal(group.code, 0);
  const making = ['new', 'squash', 'check', 'lint', 'drift'];
  const commands = [...making, 'up', 'down', 'redo', 'to', 'current', 'history', 'status', 'sql', 'stamp', 'repair'];
  for (const word of [...commands, 'DIRECT_DATABASE_URL', 'SHADOW_DATABASE_URL']) assert.ok(group.out.includes(word), word);

  for (const command of [['serve'], ['config'], ...commands.map((name) => ['migrate', name])]) {
    const help = await sample.command([...command, '--help']);
    assert.equal(help.code, 0, help.err);
    assert.ok(help.out.includes(`Usage:`) && help.out.includes(` ${command.join(' ')} `), help.out);
  }
  assert.deepEqual(await sample.command(['--version']), { code: 0, out: 'sample 1.2.3', err: '' });
});

test('a command that leaves the rest unsaid is answered with its help, on standard error, and 2', async () => {
  using sample = makeSample();
  for (const argv of [[], ['migrate'], ['db'], ['user']]) {
    const ended = await sample.command(argv);
    assert.equal(ended.code, 2);
    assert.equal(ended.out, '');
    assert.match(ended.err, /^Usage: /u);
  }
});

test('what is not understood ends with 2, names the near match and the help to read', async () => {
  using sample = makeSample();
  for (const [argv, expected] of [
    [['serv'], /^error: Unknown command 'serv'\.\nhint: {2}Did you mean serve\? See: .* --help\ncode: {2}USAGE$/u],
    [['migrate', 'statsu'], /Unknown command 'statsu'\.\nhint: {2}Did you mean status\? See: .* migrate --help/u],
    [['db', 'rest'], /Unknown command 'rest'\.\nhint: {2}Did you mean reset\? See: .* db --help/u],
    [['config', '--jsn'], /Unknown option '--jsn'\.\nhint: {2}Did you mean --json\? See: .* config --help/u],
    [['migrate', 'to'], /Missing required argument 'id'/u],
    [['migrate', 'new'], /Missing required argument 'title'/u],
    [['migrate', 'new', 'x', '--rename'], /argument missing/u],
    [['migrate', 'new', 'x', '--drop', ''], /'' is invalid[^\n]*It is not a name/u],
    [['migrate', 'new', 'x', '--drop', '--json'], /'--json' is invalid[^\n]*It is not a name/u],
    [['migrate', 'new', 'x', '--renam', 'a:b'], /Unknown option '--renam'\.\nhint: {2}Did you mean --rename\?/u],
    [['migrate', 'up', '--phase', 'contarct'], /'contarct' is invalid[^\n]*expand, contract/u],
    [['migrate', 'stamp'], /Missing required argument 'id'/u],
    [['config', 'all'], /Too many arguments for 'config'/u],
    [['migrate', 'history', '--limit', 'many'], /'many' is invalid[^\n]*whole number from 1/u],
    [['whatever'], /Unknown command 'whatever'\.\nhint: {2}See: /u],
  ] as const) {
    const ended = await sample.command(argv);
    assert.equal(ended.code, 2, ended.err);
    assert.equal(ended.out, '');
    assert.match(ended.err, expected);
  }
});

// INF-2 INF-10 in part: print the settings, secrets hidden
test('config prints every setting with its value and where that comes from, and no secret', async () => {
  using sample = makeSample();
  writeFileSync(path.join(sample.folder, '.env'), 'PORT=8123\nAPI_KEY=sk-from-the-file\n');
  const environment = {
    SECRET_KEY: key,
    DATABASE_URL: 'postgresql://app:hidden-pw@db.example/app',
    DB_POOL_SIZE: '12',
    LOG_LEVLE: 'debug',
  };
  const config = await sample.command(['config'], environment);
  assert.equal(config.code, 0, config.err);
  const line = (name: string): string => new RegExp(`^${name} +(.*)$`, 'mu').exec(config.out)?.[1]?.replaceAll(/ {2,}/gu, '  ') ?? '';
  assert.equal(line('PORT'), '8123  .env');
  assert.equal(line('HOST'), '127.0.0.1  default');
  assert.equal(line('DATABASE_POOL_SIZE'), '12  environment (as DB_POOL_SIZE)');
  assert.equal(line('DATABASE_URL'), 'postgresql://app:••••@db.example/app  environment');
  assert.equal(line('SECRET_KEY'), '•••• (32 bytes or more)  environment');
  assert.equal(line('API_KEY'), '•••• (under 32 bytes)  .env');
  assert.equal(line('DIRECT_DATABASE_URL'), '- (DATABASE_URL)  default');
  assert.match(config.err, /^warning: LOG_LEVLE is not a setting\. Did you mean LOG_LEVEL\?$/mu);

  const asJson = await sample.command(['config', '--json'], environment);
  const shown: unknown = JSON.parse(asJson.out);
  assert.ok(typeof shown === 'object' && shown !== null && 'settings' in shown && Array.isArray(shown.settings) && 'warnings' in shown);
  const port: unknown = shown.settings.find((setting: { readonly name: string }) => setting.name === 'PORT');
  assert.deepEqual(port, { name: 'PORT', value: '8123', source: '.env', description: 'The port to listen on; 0 takes a free one.' });
  assert.deepEqual(shown.warnings, ['LOG_LEVLE is not a setting. Did you mean LOG_LEVEL?']);
  for (const text of [config.out, config.err, asJson.out, asJson.err]) {
    for (const secret of ['hidden-pw', key, 'sk-from-the-file']) assert.ok(!text.includes(secret), `${secret} is in ${text}`);
  }
});

// LRP-14 in part
test('settings that are not valid are told all at once, on standard error, and 1', async () => {
  using sample = makeSample();
  const config = await sample.command(['config'], { PORT: 'many', APP_ENV: 'production', DATABASE_URL: 'mysql://app:hidden-pw@h/d' });
  assert.equal(config.code, 1);
  assert.equal(config.out, '');
  assert.match(config.err, /^error: 3 settings are not valid:\n/u);
  for (const name of ['PORT', 'SECRET_KEY', 'DATABASE_URL']) assert.match(config.err, new RegExp(`^ {2}${name}: `, 'mu'));
  assert.match(config.err, /code: {2}CONFIG_INVALID$/u);
  assert.ok(!config.err.includes('hidden-pw'));
});

test('a .env that the app does not read is pointed out', async () => {
  using sample = makeSample();
  using elsewhere = makeSample();
  writeFileSync(path.join(elsewhere.folder, '.env'), 'PORT=1\n');
  const before = process.cwd();
  process.chdir(elsewhere.folder);
  try {
    const config = await sample.command(['config']);
    assert.match(config.err, /^\.env is not read: the settings of sample belong into .*\.env\.$/mu);
    assert.match(config.out, /^PORT +8000 +default$/mu);
  } finally {
    process.chdir(before);
  }
});
