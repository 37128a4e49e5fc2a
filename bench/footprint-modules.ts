/** Which packages a start loads, and what each leaves on the heap: measured inside the bundle, where every module says when it begins. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Program } from './footprint-process.ts';

/** A package, and what its modules took by themselves, without what they load in turn. */
export interface Cost {
  readonly name: string;
  readonly modules: number;
  readonly heapKb: number;
  readonly loadMs: number;
}

interface Loaded {
  readonly name: string;
  readonly heapBytes: number;
  readonly loadMs: number;
}

/** What wraps the call of each module: it notes the heap and the time before and after. */
const prelude = `
globalThis.__loaded = [];
globalThis.__inside = [];
globalThis.__measured = (name, load) => {
  const entry = { name, heapBytes: 0, loadMs: 0 };
  const outer = globalThis.__inside.at(-1);
  const heap = process.memoryUsage().heapUsed;
  const ms = performance.now();
  globalThis.__inside.push(entry);
  try {
    return load();
  } finally {
    globalThis.__inside.pop();
    const heapBytes = process.memoryUsage().heapUsed - heap;
    const loadMs = performance.now() - ms;
    entry.heapBytes += heapBytes;
    entry.loadMs += loadMs;
    if (outer) {
      outer.heapBytes -= heapBytes;
      outer.loadMs -= loadMs;
    }
    globalThis.__loaded.push(entry);
  }
};
`;

/** How esbuild calls a module, and how it is called here. */
const calls = [
  ['(0,cb[__getOwnPropNames(cb)[0]])((mod={exports:{}}).exports,mod)', 'cb'],
  ['(0,fn[__getOwnPropNames(fn)[0]])(fn=0)', 'fn'],
] as const;

/** Starts the bundle once more, with a heap so young that nothing is collected meanwhile, and adds up by package. */
export async function measureModules(program: Program, bundleFile: string): Promise<readonly Cost[]> {
  const output = path.join(path.dirname(bundleFile), 'modules.json');
  const file = path.join(path.dirname(bundleFile), 'measured.cjs');
  writeFileSync(file, instrument(readFileSync(bundleFile, 'utf8'), output));
  const flags = ['--min-semi-space-size=64', '--max-semi-space-size=64'];
  const child = spawn(process.execPath, [...flags, file, 'serve'], {
    cwd: program.folder,
    env: { PATH: process.env['PATH'], ...program.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  for await (const chunk of child.stdout) {
    if (String(chunk).includes('server.listening')) child.kill('SIGTERM');
  }
  await ended;
  return addUp(parseLoaded(readFileSync(output, 'utf8')));
}

function instrument(text: string, output: string): string {
  let measured = text.replace('"use strict";', `"use strict";${prelude}`);
  for (const [call, name] of calls) {
    if (!measured.includes(call)) throw new Error(`esbuild no longer calls a module by ${call}: change it here too.`);
    measured = measured.replace(call, `globalThis.__measured(__getOwnPropNames(${name})[0],()=>${call})`);
  }
  return `${measured}\nprocess.on('exit',()=>require('node:fs').writeFileSync(${JSON.stringify(output)},JSON.stringify(globalThis.__loaded)));\n`;
}

function addUp(loaded: readonly Loaded[]): readonly Cost[] {
  const costs = new Map<string, Cost>();
  for (const { name, heapBytes, loadMs } of loaded) {
    const owner = packageOf(name);
    const before = costs.get(owner) ?? { name: owner, modules: 0, heapKb: 0, loadMs: 0 };
    costs.set(owner, {
      name: owner,
      modules: before.modules + 1,
      heapKb: before.heapKb + heapBytes / 1_024,
      loadMs: before.loadMs + loadMs,
    });
  }
  return costs
    .values()
    .toArray()
    .toSorted((left, right) => right.heapKb - left.heapKb);
}

function packageOf(name: string): string {
  const installed = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(name)?.[1];
  return installed ?? name.replace(/^.*(packages\/keelson)\/src\/([^/]+).*$/u, 'keelson/$2');
}

function parseLoaded(text: string): readonly Loaded[] {
  return JSON.parse(text) as readonly Loaded[];
}
