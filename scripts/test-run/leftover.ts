/** Loaded into every test file's process: one that leaves something open says what, and fails, instead of hanging the run. */
import { after } from 'node:test';

/** How long the process may take to end by itself once its tests have. */
const GRACE_MS = 10_000;

/** What the runner itself holds: the pipes to its parent. */
const ours = new Set(['PipeWrap', 'TTYWrap']);

after(() => {
  const timer = setTimeout(() => {
    const open = process.getActiveResourcesInfo().filter((name) => !ours.has(name));
    console.error(`The tests are over, but this is still open: ${open.join(', ')}.`);
    process.exit(1);
  }, GRACE_MS);
  // It only strikes when something else keeps the process alive.
  timer.unref();
});
