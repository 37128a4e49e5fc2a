/** Builds the applications: `npm run build`, or `npm run build -- accounts` for one; each becomes one file in its dist folder. */
import { globSync } from 'node:fs';
import path from 'node:path';
import { bundle } from './build/bundle.ts';

const root = path.resolve(import.meta.dirname, '..');
const chosen = process.argv.slice(2);
const entries = globSync('apps/*/app.ts', { cwd: root })
  .toSorted()
  .filter((entry) => chosen.length === 0 || chosen.includes(path.basename(path.dirname(entry))));

for (const entry of entries) {
  const folder = path.join(root, path.dirname(entry), 'dist');
  const { file, sizeBytes } = await bundle({ entry: path.join(root, entry), folder });
  console.log(`${path.relative(root, file)} ${Math.ceil(sizeBytes / 1024)} kB`);
}
if (entries.length === 0) {
  console.error('There is no application to build.');
  process.exitCode = 1;
}
