/** The container files hold what they should, and each fault that is planted in them is reported. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkCompose, parseCompose } from './compose.ts';
import { checkContainers, checkIgnored } from './containers.ts';
import { checkDockerfile, readInstructions } from './dockerfile.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const exists = (file: string): boolean => existsSync(path.join(root, file));

test('the files of the repository have no fault', () => {
  assert.deepEqual(checkContainers(root), []);
});

// GLK-9, LRP-7
test('in development a server with 200 connections, a kept volume and a health check stands before the applications', () => {
  const { services, volumes } = parseCompose(read('docker-compose.yml'));
  const { postgres, ...applications } = services;
  assert.match(postgres?.image ?? '', /^postgres:1[5-9]\./u);
  assert.deepEqual(postgres?.command, ['postgres', '-c', 'max_connections=200']);
  assert.match(postgres?.healthcheck?.test?.join(' ') ?? '', /pg_isready/u);
  const mounted = postgres?.volumes ?? [];
  assert.ok(mounted.includes('postgres-data:/var/lib/postgresql'));
  assert.ok('postgres-data' in (volumes ?? {}));
  assert.ok(
    mounted.some((volume) => volume.includes('/docker-entrypoint-initdb.d/')),
    'a script makes the roles',
  );
  assert.deepEqual(Object.keys(applications).toSorted(), ['accounts', 'glisk', 'larp-manager']);
  for (const [name, { depends_on: after, environment, build }] of Object.entries(applications)) {
    assert.deepEqual(after, { postgres: { condition: 'service_healthy' } });
    assert.equal(build?.args?.['APP'], name);
    assert.match(environment?.['DATABASE_URL'] ?? '', /_user:/u);
    assert.match(environment?.['DIRECT_DATABASE_URL'] ?? '', /_owner:/u);
  }
});

// LRP-11
test('in production migrations come first and as the owner, who serves is bound, and nothing has a password of its own', () => {
  const { services } = parseCompose(read('docker-compose.prod.yml'));
  assert.equal(services['app']?.depends_on?.['migrate']?.condition, 'service_completed_successfully');
  assert.equal(services['app']?.environment?.['DIRECT_DATABASE_URL'], undefined);
  assert.match(services['migrate']?.environment?.['DIRECT_DATABASE_URL'] ?? '', /app_owner:\$\{OWNER_PASSWORD\}/u);
});

/** A change of a file, and what must then be said of it. */
type Canary = readonly [from: RegExp | string, to: string, fault: RegExp];

function assertReported(text: string, canaries: readonly Canary[], check: (changed: string) => readonly string[]): void {
  for (const [from, to, fault] of canaries) {
    const changed = text.replace(from, to);
    assert.notEqual(changed, text, `${from.toString()} is in the file`);
    assert.match(check(changed).join('\n'), fault);
  }
}

test('faults of a Dockerfile are reported', () => {
  const text = read('deploy/Dockerfile');
  const version = /NODE_VERSION=(\S+)/u.exec(text)?.[1] ?? '';
  assertReported(
    text,
    [
      ['WORKDIR /src', 'WORKDIRS /src', /Unknown instruction: WORKDIRS/u],
      ['--interval=5s', '--interval=5', /interval|5/u],
      ['NODE_VERSION=', 'NODE_VERSION=1', /NODE_VERSION is not/u],
      ['FROM debian:${DEBIAN}-slim', 'FROM debian:latest', /names no version/u],
      ['COPY apps/glisk/package.json apps/glisk/\n', '', /apps\/glisk\/package.json is not copied/u],
      ['RUN npm ci', 'COPY packages packages\nRUN npm ci', /installs everything again/u],
      ['npm ci', 'npm install', /not installed by npm ci/u],
      ['USER 1000:1000', 'USER 0', /not root's/u],
      ['USER 1000:1000\n', '', /not root's/u],
      ['CMD ["node", "healthcheck.mjs"]', 'CMD ["curl", "localhost"]', /nothing but what it has/u],
      [/^HEALTHCHECK.*$/mu, '', /says how it is/u],
      ['ENTRYPOINT ["node",', 'ENTRYPOINT ["npm",', /first process/u],
      ['NODE_ENV=production', 'SECRET_KEY=x', /told to all/u],
      ['RUN ["node", "--optimize-for-size"', 'RUN ["node"', /no start reads it/u],
    ],
    (changed) => checkDockerfile(changed, ['package.json', 'apps/glisk/package.json'], version),
  );
  assert.ok(
    readInstructions(text).some(({ name, text: words }) => name === 'ENV' && words.includes('MALLOC_ARENA_MAX')),
    'lines are joined',
  );
});

test('faults of a Compose file are reported', () => {
  const check = (changed: string): string[] => checkCompose(changed, true, exists);
  assertReported(
    read('docker-compose.prod.yml'),
    [
      ['stop_grace_period', 'stop_grace_time', /postgres: stop_grace_time is no key/u],
      ['networks:\n  #', 'nets:\n  #', /nets is no key of a Compose file/u],
      ['postgres:18', 'postgres:latest\n    # 18', /names no version/u],
      ['deploy/Dockerfile', 'Dockerfile', /Dockerfile is not there/u],
      ['./deploy/postgres/init.sh', './init.sh', /init\.sh is not there/u],
      ['volumes:\n  postgres-data', 'volumes:\n  data', /postgres-data is not there/u],
      ['condition: service_completed_successfully', 'condition: service_started', /until migrate is well/u],
      ["restart: 'no'", 'restart: always', /never done/u],
      ['read_only: true', 'read_only: false', /can be written/u],
      ['cap_drop: [ALL]', 'cap_drop: []', /rights that it does not need/u],
      ['no-new-privileges:true', 'no-new-privileges:false', /gain rights/u],
      ['127.0.0.1:${PUBLISHED', '${PUBLISHED', /open to every network/u],
      ['networks: [database]\n    healthcheck', 'ports: ["127.0.0.1:5432:5432"]\n    healthcheck', /past the application/u],
      ['app_user:${USER_PASSWORD}', 'app_user:secret', /DATABASE_URL has a password/u],
      ['${POSTGRES_PASSWORD:?Set it in .env.database}', '${POSTGRES_PASSWORD:-secret}', /POSTGRES_PASSWORD has a password/u],
      ['app_user:${USER_PASSWORD}', 'app_owner:${OWNER_PASSWORD}', /tells the owner's password/u],
    ],
    check,
  );
});

test('a builder that is given too much or too little is reported', () => {
  const text = read('.dockerignore');
  assert.deepEqual(checkIgnored(text.replace('**/.env.*', '')), ['apps/accounts/.env.production reaches the builder.']);
  assert.deepEqual(checkIgnored(text.replace('!scripts\n', '')), ['scripts/build.ts does not reach the builder.']);
  assert.ok(checkIgnored(text.replace(/^\*$/mu, '')).includes('.git/config reaches the builder.'));
});
