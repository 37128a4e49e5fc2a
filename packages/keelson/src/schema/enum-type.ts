/** Enumerated types: the values once, for the type checker, the database and the answers. */
import { KeelsonError } from '../errors.ts';
import { Column, type EnumType } from './column.ts';
import { asSql, quoteName } from './sql.ts';

/** Makes a column of the type when it is called. */
export interface EnumFactory<V extends string> extends EnumType {
  (): Column<V>;
  readonly values: readonly V[];
}

/**
 * Declares an enumerated type; calling it gives a column.
 *
 * @throws MISUSE when there is no value, or one twice
 * @example
 * import { enumType, table, uuid } from 'keelson/schema';
 * const colour = enumType('colour', ['red', 'green']);
 * const lamps = table('lamps', { id: uuid().primaryKey(), colour: colour().default('red') });
 */
export function enumType<const V extends string>(enumName: string, values: readonly V[]): EnumFactory<V> {
  if (values.length === 0 || new Set(values).size !== values.length) {
    throw new KeelsonError('MISUSE', { message: `The enum ${enumName} needs at least one value, and none twice.` });
  }
  const type: EnumType = { enumName, values, [asSql]: (namespace) => `${quoteName(namespace)}.${quoteName(enumName)}` };
  const column = (): Column<V> => new Column({ sqlType: enumName, enumType: type });
  return Object.assign(column, { ...type, values });
}
