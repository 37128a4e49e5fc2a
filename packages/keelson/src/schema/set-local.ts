/** Settings of one transaction as SQL. */
import { quoteName, quoteText } from './sql.ts';

/** Settings as `set local`, each behind a semicolon: they follow BEGIN. */
export function setLocal(settings: readonly (readonly [name: string, value: string])[]): string {
  return settings.map(([name, value]) => `; set local ${name.split('.').map(quoteName).join('.')} = ${quoteText(value)}`).join('');
}
