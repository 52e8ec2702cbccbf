import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tables } from '../../scripts/docs/tables.mjs';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const pages = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
const files = ['README.md', 'SECURITY.md', 'scenarios/README.md', ...pages];

/** The parts of a page that `npm run docs` writes, by the name in their marker. */
const partsOf = (file: string) =>
  [...read(file).matchAll(/<!-- docs: (.+?) -->\n([\s\S]*?)<!-- \/docs -->/g)].map(
    ([, name = '', text = '']) => ({
      file,
      name,
      text: text.trimEnd(),
    }),
  );
const parts = files.flatMap(partsOf);
const isRun = ({ name }: { readonly name: string }) => name.startsWith('run ');

describe('the tables in the docs are those of the code; write them with: npm run docs -- --tables', async () => {
  const expected = await tables((path: string) => import(join(ROOT, 'src', path.replace(/js$/, 'ts'))));
  const written = parts.filter((part) => !isRun(part));

  test.each(written)('$name in $file', ({ name, text }) => {
    expect(expected).toHaveProperty([name]);
    expect(text).toBe(expected[name]);
  });

  test('each is in a page', () => {
    expect(written.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
  });
});

describe('the outputs in the docs', () => {
  const script = read('scripts/docs/runs.mjs');

  test.each(parts.filter(isRun))('$name in $file is of a run', ({ name, text }) => {
    expect(script).toContain(`'${name.slice('run '.length)}'`);
    expect(text).toMatch(/^```[\s\S]+\n```$/);
    // Nothing of the machine on which it ran.
    expect(text).not.toMatch(/\/tmp\/|\/home\/|undefined|:(?!3001\b)\d{5}\b/);
  });
});

/** A page without its code. */
const proseOf = (file: string) =>
  read(file)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '`code`');

describe('links', () => {
  const anchorsOf = (file: string) =>
    [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );

  test.each(files)('in %s lead to files and headings that exist', (file) => {
    const links = [...proseOf(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    for (const [link, path = '', anchor] of links) {
      const target = path === '' ? file : join(dirname(file), path);
      expect(existsSync(join(ROOT, target)), `${link} in ${file}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(target), `${link} in ${file}`).toContain(anchor);
    }
  });

  test('the index of docs has every page', () => {
    const index = read('docs/README.md');
    for (const page of pages.filter((one) => one !== 'docs/README.md'))
      expect(index).toContain(`](${page.replace('docs/', '')})`);
  });
});

test('the README fits on a few screens', () => {
  expect(read('README.md').split('\n').length).toBeLessThan(200);
});

test('docs/architecture.md names every folder of src', () => {
  const page = read('docs/architecture.md');
  const folders = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  expect(folders.length).toBeGreaterThan(20);
  expect(folders.filter((name) => !page.includes(`${name}/`))).toEqual([]);
});
