import { checkOptions } from '../manager/checks.js';
import type { OptionTable, Resolved } from './spec.js';

/** What a caller of the library gives for a table: any of its options. */
export type OptionsOf<Table extends OptionTable> = {
  readonly [Key in keyof Table]?: Resolved<Table>[Key] | undefined;
};

/**
 * Completes and checks what a caller of the library gave.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for the first value that does not fit.
 */
export function completeOptions<Table extends OptionTable>(
  table: Table,
  given: OptionsOf<Table>,
): Resolved<Table> {
  checkOptions('the options', given, table);
  const entries = Object.entries(table).map(([key, option]) => [
    key,
    given[key as keyof Table] ?? option.default,
  ]);
  return Object.freeze(Object.fromEntries(entries));
}

/** A key without its unit: `heartbeatIntervalMs` is `heartbeatInterval`. */
type WithoutUnit<Key> = Key extends `${infer Name}Ms` ? Name : Key extends `${infer Name}Bytes` ? Name : Key;

export function withoutUnit(key: string): string {
  return key.replace(/(Ms|Bytes)$/, '');
}

type Flags<Table> = { readonly [Key in keyof Table as WithoutUnit<Key>]: Table[Key] };

/** A table for texts with units. */
export function withoutUnits<Table extends OptionTable>(table: Table): Flags<Table> {
  return Object.fromEntries(
    Object.entries(table).map(([key, option]) => [withoutUnit(key), option]),
  ) as Flags<Table>;
}
