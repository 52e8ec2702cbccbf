import { invalidOption } from '../protocol/errors.js';
import { didYouMean } from '../text/nearest.js';
import type { Clause } from './clauses/clause.js';
import { CLAUSES } from './clauses/index.js';
import { GROUPS, groupOf } from './model/result.js';

/**
 * The clauses that `--only` names: `auth/1`, or a whole group as `auth` or `auth/*`. All of them for an empty list.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a name that no clause has.
 */
export function selectClauses(names: readonly string[]): readonly Clause[] {
  if (names.length === 0) return CLAUSES;
  const wanted = names.map((name) => name.replace(/\/\*$/, ''));
  for (const name of wanted) checkName(name, '--only');
  return CLAUSES.filter(({ id }) => wanted.includes(id) || wanted.includes(groupOf(id)));
}

/**
 * Reads a list of clauses that are expected to fail: an id per line, with comments after `#`.
 *
 * @param from what names the file in an error.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a name that no clause has, with its line.
 */
export function parseExpectedFailures(text: string, from: string): ReadonlySet<string> {
  const ids = text.split(/\r?\n/).flatMap((line, index) => {
    const [name = ''] = line.split('#', 1).map((one) => one.trim());
    if (name === '') return [];
    if (!CLAUSES.some(({ id }) => id === name)) checkName(`${name}`, `${from}:${index + 1}`, false);
    return [name];
  });
  return new Set(ids);
}

function checkName(name: string, from: string, takesGroups = true): void {
  const known: string[] = [...(takesGroups ? GROUPS : []), ...CLAUSES.map(({ id }) => id)];
  if (known.includes(name)) return;
  throw invalidOption(
    `Expected ${from} to name ${takesGroups ? 'a clause or a group' : 'a clause'}, got ${JSON.stringify(name.slice(0, 60))}.${didYouMean(name, known)} See: datafn-ws verify --list`,
  );
}
