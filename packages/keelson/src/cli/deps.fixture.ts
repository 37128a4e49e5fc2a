/** A registry of npm that holds what a test puts into it, and projects that need something of it. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { EnvironmentVariables } from '../config/environment.ts';

/** What a version of a package says of itself. */
export interface Published {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly engines?: Readonly<Record<string, string>>;
  readonly deprecated?: string;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** Packages by name and version; the latest is the last that is no prerelease, unless it is said. */
export type Shelf = Readonly<Record<string, Readonly<Record<string, Published>>>>;

/** A registry that runs. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** What was asked for, in turn. */
  readonly asked: string[];
  /** Resolves once a path was asked for; it is not answered then. */
  readonly hang: (pattern: RegExp) => Promise<void>;
  /** From now on it refuses everybody. */
  refuse: boolean;
}

/** Starts a registry. */
export async function startRegistry(shelf: Shelf): Promise<Registry> {
  const asked: string[] = [];
  const hung: { readonly pattern: RegExp; readonly reached: () => void }[] = [];
  const state = { refuse: false };
  const server = createServer((request, response) => {
    const place = decodeURIComponent(request.url ?? '/').slice(1);
    asked.push(place);
    const waiting = hung.find(({ pattern }) => pattern.test(place));
    if (waiting !== undefined) return waiting.reached();
    if (state.refuse) return void response.writeHead(401).end('{"error":"who are you"}');
    const [, tarball, version = ''] = /^(.+)\/-\/(.+)\.tgz$/u.exec(place) ?? [];
    if (tarball !== undefined) return void response.end(packed(shelf, tarball, version));
    const versions = shelf[place];
    if (versions === undefined) return void response.writeHead(404).end('{"error":"not found"}');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(packument(shelf, place, `http://127.0.0.1:${request.socket.localPort}`)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    asked,
    hang: (pattern) => new Promise((reached) => hung.push({ pattern, reached: () => reached() })),
    get refuse() {
      return state.refuse;
    },
    set refuse(value) {
      state.refuse = value;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function packument(shelf: Shelf, name: string, origin: string): object {
  const published = Object.entries(shelf[name] ?? {});
  const latest = published.findLast(([version]) => !version.includes('-'))?.[0] ?? published.at(-1)?.[0];
  const versions = published.map(([version, says]) => {
    const tarball = packed(shelf, name, version);
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    const dist = { tarball: `${origin}/${name}/-/${version}.tgz`, integrity };
    return [
      version,
      { name, version, ...says, ...(says.scripts?.['install'] === undefined ? {} : { hasInstallScript: true }), dist },
    ] as const;
  });
  return { name, 'dist-tags': { latest }, versions: Object.fromEntries(versions) };
}

/** A package with its package file and nothing else. */
function packed(shelf: Shelf, name: string, version: string): Buffer {
  const text = Buffer.from(JSON.stringify({ name, version, ...shelf[name]?.[version] }));
  const header = Buffer.alloc(512);
  header.write('package/package.json');
  header.write('0000644\u00000000000\u00000000000\0', 100);
  header.write(`${text.length.toString(8).padStart(11, '0')}\u000000000000000\u0000        0`, 124);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return gzipSync(Buffer.concat([header, text, Buffer.alloc(512 - (text.length % 512) + 1024)]), { level: 1 });
}

/** A project in a folder of its own. */
export interface SampleProject extends Disposable {
  readonly folder: string;
  readonly environment: EnvironmentVariables;
  readonly read: (file: string) => string;
  readonly write: (file: string, content: string | object) => void;
  /** The texts of everything that an update may change. */
  readonly state: () => Readonly<Record<string, string>>;
}

/** Makes a project; a file that is an object is written as JSON. */
export function makeProject(registry: { readonly url: string }, files: Readonly<Record<string, string | object>>): SampleProject {
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-project-'));
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  const write = (file: string, content: string | object): void => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), typeof content === 'string' ? content : `${JSON.stringify(content, undefined, 2)}\n`);
  };
  write('.npmrc', `registry=${registry.url}\ncache=${path.join(folder, '.cache')}\n`);
  for (const [file, content] of Object.entries(files)) write(file, content);
  const { PATH } = process.env;
  return {
    folder,
    read,
    write,
    environment: { PATH, HOME: folder },
    state: () => Object.fromEntries(Object.keys(files).map((file) => [file, read(file)])),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The lock of a project that needs these packages and no others, as npm would write it. */
export function lockOf(name: string, needs: Readonly<Record<string, string>>): object {
  const own = { name, version: '1.0.0' };
  const packages = Object.entries(needs).map(([each, version]) => [`node_modules/${each}`, { version }] as const);
  return {
    ...own,
    lockfileVersion: 3,
    requires: true,
    packages: { '': { ...own, dependencies: needs }, ...Object.fromEntries(packages) },
  };
}
