/** Gives the superuser a new password when the file that held it is lost, without the old one: PostgreSQL's single-user mode. */
import type { Binaries } from './binaries.ts';
import { superuser } from './cluster.ts';
import { embeddedFailure } from './failure.ts';
import { dataArgument } from './home.ts';
import type { Home } from './home.ts';
import { disownPostmasterFile } from './postmaster.ts';
import { runProgram } from './program.ts';

const resetMaxMs = 120_000;

/**
 * Sets the password of a cluster that does not run.
 *
 * @throws EMBEDDED_SERVER_FAILED with what PostgreSQL printed
 */
export async function resetPassword(home: Home, binaries: Binaries, password: string): Promise<void> {
  await disownPostmasterFile(home.cluster);
  const ended = await runProgram({
    command: binaries.postgres,
    arguments: ['--single', '-D', dataArgument(home, home.cluster), '-c', 'exit_on_error=on', 'postgres'],
    account: home.account,
    workingDirectory: home.cluster,
    input: `alter role ${superuser} password '${password}'\n`,
    timeoutMs: resetMaxMs,
  });
  if (ended.exitCode === 0) return;
  throw embeddedFailure(`The password of the data in ${home.path} is lost (state.json), and a new one could not be set.`, {
    output: ended.output,
    hint: `See what PostgreSQL printed; when the data is of no value, remove ${home.path} to begin anew.`,
  });
}
