/** The limit of claims: the same statement, run by pgbench, which is C and does nothing with what comes back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokens } from './keelson/claims-model.ts';
import { tableInfo } from 'keelson/schema';

const CLIENTS = 2;

/** The statement by which a worker claims `batch` tokens and moves them, with its values written in. */
export function claimStatement(batch: number): string {
  const columns = tableInfo(tokens)
    .columns.map(({ name }) => `"${name}"`)
    .join(', ');
  const isWaiting = `"status" = 'detected' and lease_owner is null`;
  return `update "bench"."tokens" set lease_owner = 1, lease_epoch = lease_epoch + 1, lease_until = now() + interval '30 seconds', attempts = attempts + 1, "status" = 'generating' where "id" = any(array(select "id" from "bench"."tokens" where ${isWaiting} and available_at <= now() order by "mint_timestamp", "id" limit ${batch} for update skip locked)) and ${isWaiting} returning ${columns}`;
}

/** Rows per second by two clients; NaN where there is no pgbench on this machine. */
export async function runPgbench(databaseUrl: string, { batch, rows }: { readonly batch: number; readonly rows: number }): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-pgbench-'));
  const script = join(folder, 'claim.sql');
  writeFileSync(script, `${claimStatement(batch)};\n`);
  const turns = Math.floor(rows / batch / CLIENTS);
  const threads = ['-c', String(CLIENTS), '-j', String(CLIENTS), '-t', String(turns)];
  const child = spawn('pgbench', ['-n', '-M', 'prepared', ...threads, '-f', script, databaseUrl], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += chunk));
  child.stderr.on('data', (chunk) => (printed += chunk));
  try {
    await once(child, 'close');
  } catch {
    return Number.NaN;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const tps = /^tps = ([\d.]+)/mu.exec(printed)?.[1];
  if (tps === undefined) throw new Error(`pgbench gave no figure:\n${printed}`);
  return Number(tps) * batch;
}
