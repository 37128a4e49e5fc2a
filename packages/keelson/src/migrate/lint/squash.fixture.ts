/** A squash that has to be refused. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { isKeelsonError } from '../../errors.ts';
import type { Shadows } from '../plan/shadow.ts';
import { squash } from './squash.ts';

/** The namespace of the revisions that are squashed. */
export const namespace = 'app';

/** Why the revisions of a folder are not squashed; nothing in it may change. */
export async function refusal(shadows: Shadows, directory: string): Promise<string> {
  const files = (await readdir(directory)).sort();
  try {
    await squash({ shadows, directory, namespace, name: 'base' });
  } catch (error) {
    assert.ok(isKeelsonError(error, 'USAGE'), String(error));
    assert.deepEqual((await readdir(directory)).sort(), files, 'nothing was written or removed');
    return error.message;
  }
  return assert.fail('it was squashed');
}
