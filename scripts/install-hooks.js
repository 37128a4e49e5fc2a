/** Sets the pre-commit hook after an install; it is plain JavaScript and never fails, so that `npm ci` works everywhere. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');

/** Why no hook is to be set; undefined when one is. */
function reasonAgainst() {
  if (process.env.CI) return 'CI is set';
  // Without its own .git the hook would land in the repository around this one.
  if (!existsSync(path.join(root, '.git'))) return 'there is no repository';
  if (!existsSync(path.join(root, 'node_modules/simple-git-hooks/cli.js'))) return 'simple-git-hooks is not installed';
  const own = spawnSync('git', ['config', 'core.hooksPath'], { cwd: root, encoding: 'utf8' });
  if (own.error) return 'there is no git';
  if (own.stdout.trim() !== '') return 'core.hooksPath is yours';
  const asked = spawnSync('git', ['rev-parse', '--git-path', 'hooks/pre-commit'], { cwd: root, encoding: 'utf8' });
  const hook = path.resolve(root, asked.stdout.trim());
  if (existsSync(hook) && !readFileSync(hook, 'utf8').includes('SIMPLE_GIT_HOOKS')) return 'there is a pre-commit hook already';
  return undefined;
}

try {
  const reason = reasonAgainst();
  if (reason === undefined) {
    const { status } = spawnSync(process.execPath, ['node_modules/simple-git-hooks/cli.js'], { cwd: root, stdio: 'ignore' });
    console.log(status === 0 ? 'The pre-commit hook is set.' : 'The pre-commit hook could not be set.');
  } else {
    console.log(`No pre-commit hook is set: ${reason}.`);
  }
} catch (error) {
  console.log(`No pre-commit hook is set: ${String(error)}`);
}
