/** Checks of a Dockerfile: the rules of its language, and what an image of ours has to be. */
import { validate } from 'dockerfile-utils';

/** An instruction of a Dockerfile, its lines joined. */
export interface Instruction {
  readonly line: number;
  readonly name: string;
  readonly text: string;
}

/** The severity that `dockerfile-utils` gives to what stops a build; what it only advises counts as much here. */
const strict = {
  deprecatedMaintainer: 2,
  directiveCasing: 2,
  emptyContinuationLine: 2,
  instructionCasing: 2,
  instructionCmdMultiple: 2,
  instructionEntrypointMultiple: 2,
  instructionHealthcheckMultiple: 2,
  instructionJSONInSingleQuotes: 2,
  instructionWorkdirRelative: 2,
} as const;

/** The instructions of a Dockerfile, in their order. */
export function readInstructions(text: string): Instruction[] {
  const found: Instruction[] = [];
  let open: Instruction | undefined;
  for (const [index, content] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/u.test(content)) continue;
    const continues = content.trimEnd().endsWith('\\');
    const words = content.trim().replace(/\\$/u, '').trim();
    const [name = ''] = words.split(/\s+/u, 1);
    const begun: Instruction = open ?? { line: index + 1, name, text: '' };
    open = { ...begun, text: `${begun.text} ${open === undefined ? words.slice(name.length).trim() : words}`.trim() };
    if (continues) continue;
    found.push(open);
    open = undefined;
  }
  return found;
}

/** What is wrong with a Dockerfile, each as `line: message`. */
export function checkDockerfile(text: string, packageFiles: readonly string[], nodeVersion: string): string[] {
  const language = validate(text, strict).map(
    ({ range, message }) => `${range.start.line + 1}: ${typeof message === 'string' ? message : message.value}`,
  );
  const instructions = readInstructions(text);
  const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
  return [...language, ...checkStages(instructions, nodeVersion), ...checkLayers(instructions, packageFiles), ...checkImage(last)];
}

function checkStages(instructions: readonly Instruction[], nodeVersion: string): string[] {
  const stages = instructions.filter(({ name }) => name === 'FROM');
  const faults = stages.flatMap(({ line, text }) => {
    const [image = ''] = text.split(/\s+/u, 1);
    return !image.includes(':') || image.endsWith(':latest') ? [`${line}: ${image} names no version.`] : [];
  });
  if (stages.length < 2) faults.push('1: What builds must not be in the image: it takes two stages.');
  const pinned = instructions.find(({ name, text }) => name === 'ARG' && text.startsWith('NODE_VERSION='));
  if (pinned?.text !== `NODE_VERSION=${nodeVersion}`) {
    faults.push(`${pinned?.line ?? 1}: NODE_VERSION is not ${nodeVersion}, on which everything is tested.`);
  }
  return faults;
}

/** Packages are installed before the sources are copied, or each change of a source installs them again. */
function checkLayers(instructions: readonly Instruction[], packageFiles: readonly string[]): string[] {
  const install = instructions.findIndex(({ name, text }) => name === 'RUN' && text.includes('npm ci'));
  if (install < 0) return ['1: Packages are not installed by npm ci, as the lock says.'];
  const before = instructions.slice(0, install).filter(({ name }) => name === 'COPY');
  const copied = new Set(before.flatMap(({ text }) => text.split(/\s+/u).slice(0, -1)));
  return [
    ...packageFiles
      .filter((file) => !copied.has(file))
      .map((file) => `${instructions[install]?.line ?? 1}: ${file} is not copied before npm ci.`),
    ...before
      .filter(({ text }) => !/^[^\s]*package(?:-lock)?\.json(?:\s|$)/u.test(text))
      .map(({ line, text }) => `${line}: COPY ${text} before npm ci installs everything again whenever one of it changes.`),
  ];
}

function checkImage(last: readonly Instruction[]): string[] {
  const at = (name: string): Instruction | undefined => last.findLast((instruction) => instruction.name === name);
  const first = last[0]?.line ?? 1;
  const faults: string[] = [];
  const user = at('USER');
  if (user === undefined || !/^[1-9]\d*(?::[1-9]\d*)?$/u.test(user.text)) {
    faults.push(`${user?.line ?? first}: The image runs as a number other than 0, so that whoever runs it can see that it is not root's.`);
  }
  const health = at('HEALTHCHECK');
  if (health === undefined || /\b(?:curl|wget|NONE)\b/u.test(health.text)) {
    faults.push(`${health?.line ?? first}: The image says how it is, with nothing but what it has anyway.`);
  }
  const entry = at('ENTRYPOINT');
  if (entry === undefined || !entry.text.startsWith('["node",')) {
    faults.push(`${entry?.line ?? first}: Node itself is the first process, or signals do not reach it.`);
  }
  const cache = last.find(({ name, text }) => name === 'ENV' && text.includes('NODE_COMPILE_CACHE'));
  const start = `${entry?.text.slice(0, -1) ?? ''},`;
  if (cache !== undefined && !last.some(({ name, text }) => name === 'RUN' && text.startsWith(start))) {
    faults.push(`${cache.line}: What Node compiles is kept by its flags: a RUN starts it as ENTRYPOINT does, or no start reads it.`);
  }
  for (const { line, name, text } of last) {
    if (name === 'ADD') faults.push(`${line}: COPY says what ADD guesses.`);
    if ((name === 'ENV' || name === 'ARG') && /(?:SECRET|PASSWORD|TOKEN)/u.test(text))
      faults.push(`${line}: A secret in an image is told to all.`);
  }
  return faults;
}
