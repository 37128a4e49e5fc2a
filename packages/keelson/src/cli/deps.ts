/** What `deps update` does: finds the newest versions that go together, and writes them into package files and lock, or changes nothing. */
import type { EnvironmentVariables } from '../config/environment.ts';
import { KeelsonError } from '../errors.ts';
import type { Signal, SignalSource } from '../http/signals.ts';
import { BACKUP, recover, replaceFiles } from './deps-files.ts';
import { cleared, misfitOf, npmFailure, npmOf, type Npm, runProgram } from './deps-npm.ts';
import { lookUp } from './deps-offers.ts';
import { pinsOf, type Project, readProject } from './deps-project.ts';
import { changesOf, othersOf, printReport, type Report } from './deps-report.ts';
import { rewritten } from './deps-rewrite.ts';
import { settle } from './deps-settle.ts';
import { copyProject } from './deps-trial.ts';
import { type Output, renderJson } from './output.ts';
import { pressedSignals } from './signals.ts';

/** What is asked for. */
export interface UpdateOptions {
  readonly dryRun?: true;
  readonly json?: true;
  /** False where major steps are left for another day. */
  readonly major?: boolean;
  readonly keep?: readonly string[];
  readonly install?: true;
  readonly test?: string;
}

/** Where it is done. */
export interface UpdatePlace {
  readonly folder: string;
  readonly environment: EnvironmentVariables;
  readonly output: Output;
}

const numbers: Readonly<Record<Signal, number>> = { SIGINT: 2, SIGTERM: 15 };

/**
 * Updates the packages of a project; gives 128 and the number of the signal when it was told to end.
 *
 * @throws USAGE, OUTSIDE_UNAVAILABLE, UPDATE_FAILED; the files are as they were then
 */
export async function update(place: UpdatePlace, options: UpdateOptions, source: SignalSource = pressedSignals()): Promise<number> {
  const abort = new AbortController();
  // Asked twice, it does not wait until the old packages are installed again.
  const leave = new AbortController();
  let ended: Signal | undefined;
  const listeners = (['SIGINT', 'SIGTERM'] as const).map((signal) => {
    const listener = (): void => {
      if (ended !== undefined) leave.abort(interrupted(signal));
      ended ??= signal;
      abort.abort(interrupted(signal));
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  try {
    await updateUntil(place, options, { signal: abort.signal, leave: leave.signal });
    return 0;
  } catch (error) {
    if (ended === undefined) throw error;
    place.output.talk(`${place.output.paint.talk('red', `Ended by ${ended}:`)} every file is as it was.`);
    return 128 + numbers[ended];
  } finally {
    for (const { signal, listener } of listeners) source.off(signal, listener);
  }
}

const interrupted = (signal: Signal): KeelsonError => new KeelsonError('UPDATE_FAILED', { message: `Ended by ${signal}.` });

interface Ends {
  readonly signal: AbortSignal;
  readonly leave: AbortSignal;
}

async function updateUntil(place: UpdatePlace, options: UpdateOptions, { signal, leave }: Ends): Promise<void> {
  const { output, environment } = place;
  const npm = npmOf(environment, signal);
  const { root } = readProject(place.folder);
  const recovered = recover(root);
  if (recovered.length > 0) output.talk(`An earlier update was ended half-way: ${recovered.join(', ')} are as before it again.`);
  const project = readProject(place.folder);
  const { pins, left } = pinsOf(project, options.keep ?? []);
  using copy = copyProject(project, npm);
  output.progress(`Looking up ${pins.length} packages …`);
  const { offers, held } = await lookUp(pins, {
    npm,
    folder: copy.folder,
    node: process.versions.node,
    isMajorAllowed: options.major !== false,
    said: (done) => {
      if (done % PROGRESS_STEP === 0) output.progress(`  ${done} of ${pins.length}`);
    },
  });
  const settled = await settle(offers, copy.resolve, (text) => output.progress(text));
  const changes = changesOf(offers, settled.versions);
  const report: Report = {
    strategy: settled.strategy,
    changes,
    held: [...held, ...settled.held],
    others: othersOf(project.lock.text, settled.lock, changes),
  };
  output.progress('Trying a clean install …');
  const refusal = await copy.refusal();
  if (refusal !== undefined) throw new KeelsonError('UPDATE_FAILED', { message: refusal });
  const files = filesOf(project, { ...settled, changes });
  if (options.dryRun !== true && files.size > 0) await apply({ ...place, signal, leave, npm, project }, files, options);
  const isWritten = options.dryRun !== true && files.size > 0;
  if (options.json)
    output.data(
      renderJson({ root, dryRun: options.dryRun === true, ...report, left, files: [...files.keys()], backup: isWritten ? BACKUP : null }),
    );
  else tell(place, { report, files: [...files.keys()], options });
}

const PROGRESS_STEP = 10;

interface Told {
  readonly report: Report;
  readonly files: readonly string[];
  readonly options: UpdateOptions;
}

function tell({ output }: UpdatePlace, { report, files, options }: Told): void {
  printReport(output, report);
  if (files.length === 0) output.talk('Everything is as new as it may be; nothing was written.');
  else if (options.dryRun) output.talk(`Nothing was written: this was a dry run. It would change ${files.join(', ')}.`);
  else {
    output.talk(`${output.paint.talk('green', 'Written:')} ${files.join(', ')}. As they were: ${BACKUP}.`);
    if (options.install !== true && options.test === undefined) output.talk('Next: npm ci, and the tests.');
  }
}

type Files = ReadonlyMap<string, { readonly before: string; readonly after: string }>;

/** The files that differ, and how. */
function filesOf(
  project: Project,
  {
    versions,
    lock,
    changes,
  }: { readonly versions: ReadonlyMap<string, string>; readonly lock: string; readonly changes: Report['changes'] },
): Files {
  const moved = new Map(changes.map(({ name }) => [name, versions.get(name) ?? null]));
  const texts = new Map([...rewritten(project, moved), [project.lock.file, lock]]);
  const before = new Map([...project.manifests.map(({ file, text }) => [file, text] as const), [project.lock.file, project.lock.text]]);
  return new Map(
    [...texts].flatMap(([file, after]) => {
      const old = before.get(file) ?? '';
      return JSON.stringify(JSON.parse(old)) === JSON.stringify(JSON.parse(after)) ? [] : [[file, { before: old, after }] as const];
    }),
  );
}

interface Ground extends UpdatePlace, Ends {
  readonly npm: Npm;
  readonly project: Project;
}

/** Writes the files, tries them where that was asked for, and takes everything back when that fails. */
async function apply(ground: Ground, files: Files, { install, test }: UpdateOptions): Promise<void> {
  const { output, environment, signal, npm, project } = ground;
  const { root } = project;
  signal.throwIfAborted();
  const replaced = replaceFiles(root, files);
  const isInstalled = install === true || test !== undefined;
  try {
    if (isInstalled) {
      output.progress('Installing …');
      const left = await npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], root);
      if (left.code !== 0)
        throw new KeelsonError('UPDATE_FAILED', {
          message: `The new packages could not be installed:\n${misfitOf(left) ?? npmFailure('install them', left).message}`,
        });
    }
    if (test !== undefined) {
      output.progress(`Running ${test} …`);
      const { code } = await runProgram([test], { folder: root, environment: cleared(environment), signal, isShell: true });
      if (code !== 0)
        throw new KeelsonError('UPDATE_FAILED', {
          message: `With the new packages ${JSON.stringify(test)} ended with ${code}.`,
          hint: 'See what it said above. Every file is as it was; leave a package out with --keep.',
        });
    }
    replaced.keep();
  } catch (error) {
    replaced.restore();
    if (isInstalled) await reinstall(ground);
    throw error;
  }
}

/** Brings the installed packages back to the old lock. */
async function reinstall({ output, environment, leave, project }: Ground): Promise<void> {
  output.talk('The files are as they were. Installing the old packages again …');
  try {
    const { code } = await npmOf(environment, leave)(
      ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
      project.root,
    );
    if (code !== 0) output.talk('That failed: run npm ci by hand.');
  } catch {
    // What is to be told is why the update failed.
    output.talk('They were not: run npm ci by hand.');
  }
}
