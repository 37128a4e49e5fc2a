/** What the tests of migrations run on, made at the top of a file and taken away after its last test: a database, shadows and folders. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { isKeelsonError, type KeelsonError } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';
import { testServer } from '../testing/server.ts';
import { Shadows } from './plan/shadow.ts';
import { Scratch } from './scratch.ts';

/** What was made last goes first: the server goes when nothing is connected any more. */
const ends = new AsyncDisposableStack();
after(() => ends.disposeAsync());

let url: Promise<string> | undefined;

function serverUrl(): Promise<string> {
  url ??= testServer().then((server) => {
    ends.defer(() => server.stop());
    return server.url;
  });
  return url;
}

/** A database of the file's own, and a first connection to it. */
export async function useScratch(): Promise<{ readonly scratch: Scratch; readonly connection: Connection }> {
  const scratch = await Scratch.open(await serverUrl());
  ends.defer(() => scratch.close());
  return { scratch, connection: await scratch.connect() };
}

/** Databases that are made and dropped as they are needed. */
export async function useShadows(): Promise<Shadows> {
  return ends.use(await Shadows.open({ url: await serverUrl() }));
}

/** A folder with these files. */
export async function useFolder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'keelson-migrate-'));
  ends.defer(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(directory, name), content);
  return directory;
}

/** Has something done before all that was made until now is taken away. */
export function atEnd(run: () => void): void {
  ends.defer(run);
}

/** The error of a call that has to fail with this code. */
export async function failure(promise: Promise<unknown>, code: KeelsonError['code']): Promise<KeelsonError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isKeelsonError(error, code), `${String(error)} is not ${code}`);
    return error;
  }
  return assert.fail(`nothing failed with ${code}`);
}
