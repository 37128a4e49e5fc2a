/** Units and limits stand last in names: `leaseMs`, `batchMax`, `sizeBytes`. */
import { lineAt, type Problem } from './source.ts';
import { type Module, visit } from './syntax.ts';

const front = new Set(['max', 'min', 'ms', 'bytes', 'num', 'nr']);
const spelled = new Map([
  ['millis', 'Ms'],
  ['milliseconds', 'Ms'],
  ['msecs', 'Ms'],
  ['secs', 'S'],
]);
const durations = new Set([
  'timeout',
  'delay',
  'interval',
  'duration',
  'ttl',
  'lease',
  'elapsed',
  'wait',
  'age',
  'latency',
  'uptime',
  'backoff',
]);

/** Words of JSON Schema and of PostgreSQL stay as their standards write them. */
const foreign = new Set(['maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties', 'maxValue', 'minValue']);

/** Looks at the names that a file declares; what it takes from elsewhere keeps its name. */
export function checkUnits(module: Module): Problem[] {
  const problems: Problem[] = [];
  const check = (name: string, start: number, isNumber: boolean): void => {
    const message = foreign.has(name) ? undefined : fault(name, isNumber);
    if (message !== undefined) problems.push({ path: module.path, line: lineAt(module.text, start), rule: 'unit-last', message });
  };
  const parameter = (node: Parameter): void => {
    if (node.type === 'AssignmentPattern') check(nameOf(node.left), node.start, isNumeric(node.left?.typeAnnotation, node.right));
    else check(nameOf(node), node.start, isNumeric(node.typeAnnotation, undefined));
  };
  visit(module, {
    VariableDeclarator: (node) => check(nameOf(node.id), node.start, isNumeric(annotationOf(node.id), node.init)),
    TSPropertySignature: (node) => {
      if (!node.computed) check(nameOf(node.key), node.start, isNumeric(node.typeAnnotation, undefined));
    },
    PropertyDefinition: (node) => {
      if (!node.computed) check(nameOf(node.key), node.start, isNumeric(node.typeAnnotation, node.value));
    },
    FunctionDeclaration: (node) => node.params.forEach(parameter),
    FunctionExpression: (node) => node.params.forEach(parameter),
    ArrowFunctionExpression: (node) => node.params.forEach(parameter),
    TSMethodSignature: (node) => node.params.forEach(parameter),
    TSFunctionType: (node) => node.params.forEach(parameter),
  });
  return problems;
}

interface Annotated {
  readonly type: string;
  readonly start: number;
  readonly name?: unknown;
  readonly typeAnnotation?: Annotation;
}

type Annotation = { readonly typeAnnotation: { readonly type: string } } | null | undefined;

interface Parameter extends Annotated {
  readonly left?: Annotated;
  readonly right?: { readonly type: string; readonly value?: unknown };
}

function nameOf(node: { readonly type: string; readonly name?: unknown } | undefined): string {
  const named = node?.type === 'Identifier' || node?.type === 'PrivateIdentifier';
  return named && typeof node.name === 'string' ? node.name : '';
}

function annotationOf(node: Annotated): Annotation {
  return node.typeAnnotation;
}

function isNumeric(annotation: Annotation, value: { readonly type: string; readonly value?: unknown } | null | undefined): boolean {
  if (annotation) return annotation.typeAnnotation.type === 'TSNumberKeyword';
  return value?.type === 'Literal' && typeof value.value === 'number';
}

function fault(name: string, isNumber: boolean): string | undefined {
  const words = name.split(/_|(?<=[a-z0-9])(?=[A-Z])/u).map((word) => word.toLowerCase());
  const first = words[0] ?? '';
  const last = words.at(-1) ?? '';
  if (front.has(first) && words.some((word) => !front.has(word)))
    return `${name}: the unit or limit stands last, as in \`sizeMax\`, \`waitMs\`.`;
  const short = spelled.get(last);
  if (short !== undefined) return `${name}: write ${short}.`;
  if (isNumber && durations.has(last)) return `${name}: of what unit? End it with Ms, S or the like.`;
  return undefined;
}
