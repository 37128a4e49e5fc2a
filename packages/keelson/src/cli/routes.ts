/** The command `routes`: what the app answers to, read from the app itself; nothing is started. */
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { loadSettings } from '../config/load.ts';
import type { Context } from './context.ts';
import { renderJson, renderTable } from './output.ts';

/**
 * Prints each route of the app with its guard and its summary, by path.
 *
 * @throws CONFIG_INVALID when the API prefix is none
 */
export function printRoutes(context: Context, options: { readonly json?: true }): void {
  const { app, output } = context;
  const prefix = prefixOf(context);
  const routes = app.routes
    .map(({ method, url, root, guard, summary, tags }) => ({
      method,
      path: root === true ? url : `${prefix}${url}`,
      guard: guard.name,
      summary,
      tags: tags ?? [],
    }))
    .toSorted((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
  if (options.json) output.data(renderJson(routes));
  else if (routes.length === 0) output.talk(`${app.name} has no routes of its own.`);
  else output.data(renderTable(routes.map(({ method, path, guard, summary }) => [method, path, guard, summary])));
}

/** No other setting matters here, and none other can be wrong. */
function prefixOf({ app, environment, directory }: Context): string {
  const declaration = app.settings.declarations['API_V1_PREFIX'] ?? baseSettings.API_V1_PREFIX;
  const { values } = loadSettings(defineSettings({ API_V1_PREFIX: declaration }), { environment, directory });
  return String(values.API_V1_PREFIX);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
