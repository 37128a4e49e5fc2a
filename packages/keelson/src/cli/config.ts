/** The command `config`: each setting with its value and where that comes from. */
import path from 'node:path';
import { loadSettings } from '../config/load.ts';
import { type Context, noticeOtherEnv, shownPath } from './context.ts';
import { renderJson, renderTable } from './output.ts';

/**
 * Prints the settings of the app; secrets are hidden.
 *
 * @throws CONFIG_INVALID listing every problem
 */
export function printConfig(context: Context, options: { readonly json?: true }): void {
  const { app, environment, directory, output } = context;
  const loaded = loadSettings(app.settings, { environment, directory });
  const settings = loaded.explain();
  if (options.json) {
    output.data(renderJson({ app: app.name, directory, settings, warnings: loaded.warnings }));
    return;
  }
  const rows = settings.map(({ name, value, source, alias }) => [
    name,
    value === '' ? unsetWords(app.settings.declarations[name]?.defaultText) : value,
    alias === undefined ? source : `${source} (as ${alias})`,
  ]);
  output.data(renderTable(rows));
  output.talk(`Read from the environment and from ${shownPath(path.join(directory, '.env'))}, for ${app.name} ${app.version}.`);
  noticeOtherEnv(context);
  for (const warning of loaded.warnings) output.talk(`warning: ${warning}`);
}

/** What holds when nothing is set and there is no default, as the declaration says it: `none (the embedded server)`. */
function unsetWords(defaultText = 'none'): string {
  const words = defaultText.replace(/^none ?/, '').replace(/^\((.*)\)$/, '$1');
  return words === '' ? '-' : `- (${words})`;
}
