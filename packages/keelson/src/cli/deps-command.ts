/** The command group `deps`: what can be said to it; what it does is loaded when it is said. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Run } from './context.ts';
import type { UpdateOptions, UpdatePlace } from './deps.ts';

/** Adds the group. */
export function addDeps(program: Command, place: UpdatePlace, run: Run): void {
  const group = program.command('deps').description('look after the packages that the project pins').helpCommand(false);
  group
    .command('update')
    .description('move every pinned package to the newest version that goes with the others, or change nothing')
    .option('--dry-run', 'say what would change, and write nothing')
    .option('--no-major', 'take no step that may break: no other major version')
    .option('--keep <name>', 'leave a package as it is; may be said again', nameOf)
    .option('--install', 'install what was written (npm ci); what cannot be installed is taken back')
    .option('--test <command>', 'install, run this, and take everything back when it fails')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It asks npm, with the registry and the rights that npm has here, and tries everything out in a folder of its own.
What package files and lock were before lies in .keelson/deps/backup; they come back when it fails, and on Ctrl-C.`,
    )
    .action((options: UpdateOptions) => run(async () => (await import('./deps.ts')).update(place, options)));
}

function nameOf(name: string, names: readonly string[] = []): readonly string[] {
  if (!/^(?:@[\w.-]+\/)?[\w.-]+$/u.test(name)) throw new InvalidArgumentError('It is not the name of a package.');
  return [...names, name];
}
