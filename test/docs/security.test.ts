import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { serveOptions } from '../../src/options/serve-flags.js';
import { flagOf, type OptionTable } from '../../src/options/spec.js';
import { createDatafnWsServer } from '../../src/server/create-server.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** The rows of every table of a page, as cells, without the heads. */
function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter(([first]) => first !== 'threat' && first !== 'flag');
}

/** Every test that the last cell of a row names, with the file that is named before it. */
function namedTests(rows: readonly string[][]) {
  return rows.flatMap((row) => {
    const [threat = ''] = row;
    let file = '';
    return [...(row.at(-1) ?? '').matchAll(/`(test\/[^`]+)`|"([^"]+)"/g)].flatMap(([, path, name]) => {
      if (path !== undefined) file = path;
      return name === undefined ? [] : [{ threat, file, name }];
    });
  });
}

function expectTest({ file, name }: { readonly file: string; readonly name: string }): void {
  expect(existsSync(join(ROOT, file))).toBe(true);
  // A name stands between quotes, at its end at least: what varies in it is put in before.
  const quoted = ["'", '`', '"'].map((quote) => `${name}${quote}`);
  expect(quoted.some((text) => read(file).includes(text))).toBe(true);
}

describe('SECURITY.md', () => {
  const rows = rowsOf(read('SECURITY.md'));
  const named = namedTests(rows);

  test('names a test for every threat', () => {
    expect(rows.length).toBeGreaterThan(25);
    for (const [threat] of rows) {
      expect(
        named.filter((one) => one.threat === threat),
        threat,
      ).not.toEqual([]);
    }
  });

  test.each(named)('$file has a test "$name"', expectTest);
});

describe('docs/security.md', () => {
  const rows = rowsOf(read('docs/security.md'));
  const limits = rows.filter(([first = '']) => first.startsWith('`--'));
  const code = (cell = '') => /^`(.*)`$/.exec(cell)?.[1];

  const cells = rows.filter(([first = '']) => /^(?:open|blocked|closing|gone|events)[:,] /.test(first));

  test('names a test for every resource of a connection', () => {
    expect(cells.length).toBeGreaterThan(15);
    expect(cells.filter((row) => namedTests([row]).length === 0)).toEqual([]);
  });

  test.each(namedTests(cells))('$file has a test "$name"', expectTest);

  test('has the default of every limit that it names, as it is', () => {
    const options: OptionTable = serveOptions;
    const byFlag = new Map(Object.entries(options).map(([key, option]) => [`--${flagOf(key)}`, option]));
    for (const [flag, given] of limits) {
      const option = byFlag.get(code(flag) ?? '');
      expect(option, flag).toBeDefined();
      const shown = option?.defaultText ?? option?.default;
      const isNone = shown === undefined || (Array.isArray(shown) && shown.length === 0);
      expect(given, flag).toBe(isNone ? 'none' : `\`${shown}\``);
    }
  });

  test('says where each limit is counted, and leaves out none of those that are', () => {
    const stats = createDatafnWsServer().stats();
    const counted = new Set(
      rows.flatMap(([, , , cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name)),
    );
    for (const name of counted) {
      const [field = ''] = name?.split('.') ?? [];
      expect({ ...stats, ...stats.limited }, name).toHaveProperty([field]);
    }
    const page = read('docs/security.md');
    for (const name of Object.keys(stats.limited)) expect(page).toContain(`\`${name}\``);
  });
});
