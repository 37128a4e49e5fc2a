/** The command `doctor`: looks at everything that a start needs, and says for each what is wrong and what to do. */
import { type Clock, systemClock } from '../clock.ts';
import { redactText } from '../redact.ts';
import type { Context } from './context.ts';
import { inspectDatabase } from './doctor-database.ts';
import { inspectBinaries, inspectDisk, inspectNode, inspectPort, inspectSettings } from './doctor-machine.ts';
import { failed as failedLook, type Finding, type Inspection } from './doctor-finding.ts';
import { exitCodes } from './failure.ts';
import { plainText, renderJson } from './output.ts';

const inspections: readonly Inspection[] = [
  { name: 'node', inspect: inspectNode },
  { name: 'settings', inspect: inspectSettings },
  { name: 'binaries', inspect: inspectBinaries },
  { name: 'disk', inspect: inspectDisk },
  { name: 'server', inspect: inspectDatabase },
  { name: 'port', inspect: inspectPort },
];

const NAME_WIDTH = 12;

/** Prints what was found; gives 1 when something would keep the app from running well. */
export async function runDoctor(
  context: Context,
  options: { readonly json?: true },
  { clock = systemClock, looks = inspections }: { readonly clock?: Clock; readonly looks?: readonly Inspection[] } = {},
): Promise<number> {
  const { app, output } = context;
  const findings: Finding[] = [];
  for (const look of looks) {
    output.progress(`Looking at ${look.name} …`);
    findings.push(...(await safely(look, context, clock)).map(harmless));
  }
  const failed = findings.filter(({ state }) => state === 'fail').length;
  const warned = findings.filter(({ state }) => state === 'warn').length;
  if (options.json) output.data(renderJson({ app: app.name, version: app.version, ok: failed === 0, checks: findings }));
  else {
    output.data(findings.map(render).join('\n'));
    output.talk(failed + warned === 0 ? 'All is well.' : `${failed} to mend, ${warned} to look at.`);
  }
  return failed === 0 ? exitCodes.ok : exitCodes.failed;
}

async function safely({ name, inspect }: Inspection, context: Context, clock: Clock): Promise<readonly Finding[]> {
  try {
    return await inspect(context, clock);
  } catch (error) {
    return [failedLook(name, error)];
  }
}

function harmless({ name, state, says, todo }: Finding): Finding {
  const clean = (text: string): string => plainText(redactText(text));
  return { name, state, says: clean(says), todo: todo === undefined ? undefined : clean(todo) };
}

function render({ name, state, says, todo }: Finding): string {
  const indent = `\n${' '.repeat(6 + NAME_WIDTH)}`;
  const lines = [says, ...(todo === undefined ? [] : [`→ ${todo}`])].join('\n').split('\n');
  return `${state.padEnd(6)}${name.padEnd(NAME_WIDTH)}${lines.join(indent)}`;
}
