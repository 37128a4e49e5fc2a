/** Makes one CommonJS file of an application: it starts in half the time and needs no node_modules. */
import { build, type Metafile, type Plugin } from 'esbuild';
import { cpSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** An application on its way to one file. */
export interface BundleOptions {
  /** The file that is started. */
  readonly entry: string;
  /** Where everything goes; what lies there is replaced. */
  readonly folder: string;
}

/** What was made. */
export interface Bundle {
  readonly file: string;
  readonly sizeBytes: number;
}

/** Never loaded: the library brings its own validator and writer, and the driver is the one in JavaScript. (esbuild reads patterns in Go: no flags.) */
const leftOut = /^(?:@fastify\/(?:ajv-compiler|fast-json-stringify-compiler)|@supabase\/pg-delta|pg-native)$/;

const leaveOut: Plugin = {
  name: 'leave-out',
  setup(bundler) {
    bundler.onResolve({ filter: leftOut }, ({ path: name }) => ({ path: name, namespace: 'left-out' }));
    bundler.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path: name }) => ({
      contents: `throw Object.assign(new Error(${JSON.stringify(`${name} is left out of the bundle`)}), { code: 'MODULE_NOT_FOUND' });`,
      loader: 'js',
    }));
  },
};

/** Fastify names them at its top, for servers that speak HTTP/2 or TLS themselves; what stands before an application does that. */
const seldomUsed = /^(?:node:)?(?:https|http2)$/;

/** They come when something is first taken of them: at each start they would take 1.5 MB of resident memory. */
const loadOnUse: Plugin = {
  name: 'load-on-use',
  setup(bundler) {
    // What is imported is looked through at once: there is nothing to wait for.
    bundler.onResolve({ filter: seldomUsed }, ({ path: name, kind }) =>
      kind === 'require-call' ? { path: name, namespace: 'on-use' } : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: 'on-use' }, ({ path: name }) => ({
      contents: `const load = require; module.exports = new Proxy({}, { get: (_, key) => load(${JSON.stringify(name)})[key] });`,
      loader: 'js',
    }));
  },
};

/** Only the entry is started: everywhere else `import.meta.main` is false, as it was before bundling. */
function mainIs(entry: string): Plugin {
  return {
    name: 'main-is',
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        if (path.resolve(file) !== path.resolve(entry)) return undefined;
        return { contents: readFileSync(file, 'utf8').replaceAll('import.meta.main', 'true'), loader: 'ts' };
      });
    },
  };
}

/** Bundles an application; its native modules, its migrations, its pages and the page of its docs lie beside it. */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  const file = path.join(options.folder, `${path.basename(options.entry, '.ts')}.cjs`);
  rmSync(options.folder, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: [options.entry],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // Names stay as they are: shortening them and keeping them beside cost a call for every inner function, 15 to 25 % of a request.
    minifyWhitespace: true,
    minifySyntax: true,
    // One letter beyond ASCII would have the engine keep the whole text in two bytes a character: 2 MB more. Notes of licences go beside.
    charset: 'ascii',
    legalComments: 'linked',
    sourcemap: 'external',
    metafile: true,
    logLevel: 'error',
    loader: { '.node': 'copy' },
    assetNames: '[name]',
    define: {
      'import.meta.url': '__importMetaUrl',
      'import.meta.filename': '__filename',
      'import.meta.dirname': '__dirname',
      'import.meta.main': 'false',
    },
    banner: { js: "const __importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [leaveOut, loadOnUse, mainIs(options.entry)],
  });
  copyShown(path.dirname(options.entry), options.folder);
  for (const shownInBrowser of globSync('*/browser', { cwd: path.dirname(options.entry) })) {
    cpSync(path.join(path.dirname(options.entry), shownInBrowser), path.join(options.folder, 'browser'), { recursive: true });
  }
  const migrations = path.join(path.dirname(options.entry), 'migrations');
  if (existsSync(migrations)) cpSync(migrations, path.join(options.folder, 'migrations'), { recursive: true });
  return { file, sizeBytes: sizeOf(metafile, file) };
}

/** The page of the docs serves these files as they lie in their package; they lie beside the bundle where node finds them. */
const shown = { name: '@fastify/swagger-ui', files: ['package.json', 'index.js', 'static/swagger-ui.css', 'static/swagger-ui-bundle.js'] };

function copyShown(app: string, folder: string): void {
  const library = createRequire(createRequire(path.join(app, 'app.ts')).resolve('keelson/http'));
  const from = path.dirname(library.resolve(shown.name));
  for (const file of shown.files) cpSync(path.join(from, file), path.join(folder, 'node_modules', shown.name, file));
}

function sizeOf(metafile: Metafile, file: string): number {
  const found = Object.entries(metafile.outputs).find(([output]) => path.resolve(output) === path.resolve(file));
  return found?.[1].bytes ?? 0;
}
