#!/usr/bin/env node
/** The `keelson` command: finds the app of the current folder and a node that is new enough, and runs the app's program. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const NODE_MIN = 24;
const files = ['app.ts', 'dist/app.cjs', 'app.cjs'];

function fail(message, hint, exitCode) {
  process.stderr.write(`error: ${message}\nhint:  ${hint}\n`);
  process.exitCode = exitCode;
}

/** A node of the project that is new enough, looked for upwards. */
function findNode(folder) {
  const found = path.join(folder, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(found) && majorOf(found) >= NODE_MIN) return found;
  const above = path.dirname(folder);
  return above === folder ? undefined : findNode(above);
}

function majorOf(node) {
  try {
    return Number.parseInt(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10);
  } catch {
    // It cannot be run here: as good as none.
    return 0;
  }
}

/** Runs the same command again under another node. */
function runWith(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A Ctrl-C reaches the child too; a second one from here would end it at once.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.once('error', (error) => fail(`${node} could not be started: ${error.message}.`, 'Install the packages anew: npm ci', 1));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}

/** Folders near this one that have an app. */
function appsBelow(folder) {
  const apps = path.join(folder, 'apps');
  if (!existsSync(apps)) return [];
  return readdirSync(apps).filter((name) => existsSync(path.join(apps, name, 'app.ts')));
}

async function start() {
  const folder = process.cwd();
  const file = files.map((name) => path.join(folder, name)).find((name) => existsSync(name));
  const isOfProject = process.argv[2] === 'deps';
  if (file === undefined && !isOfProject) {
    const [near] = appsBelow(folder);
    const hint = near === undefined ? "Go into an app's folder: the one that has an app.ts." : `Go into an app's folder: cd apps/${near}`;
    fail(`There is no app in ${folder}: neither ${files.join(' nor ')}.`, hint, 2);
  } else if (Number.parseInt(process.versions.node, 10) < NODE_MIN) {
    const node = findNode(folder);
    if (node === undefined) {
      fail(
        `Node ${process.versions.node} is too old, ${NODE_MIN} is needed.`,
        'Install the packages (npm ci): a fitting node is among them. Or install a newer node.',
        1,
      );
    } else runWith(node);
  } else if (isOfProject) {
    const { mainOfProject } = await import('keelson/cli');
    await mainOfProject();
  } else if (file.endsWith('.cjs')) {
    // What was built has its program in it, and starts it.
    await import(pathToFileURL(file).href);
  } else {
    const { mainOf } = await import('keelson/cli');
    await mainOf(file);
  }
}

await start();
