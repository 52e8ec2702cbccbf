import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';

const ROOT = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8');
const manifest = JSON.parse(read('package.json'));
const { folder } = temporaryFolder('package');

/** A checkout with nothing built and nothing installed. */
function bareCheckout(): string {
  const root = join(folder, 'checkout');
  for (const part of ['bin', 'scripts', 'package.json'])
    cpSync(new URL(part, ROOT), join(root, part), { recursive: true });
  return root;
}

describe('the package', () => {
  test('holds every file that its README links to', () => {
    const links = [...read('README.md').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(3);
    const held = (link: string) =>
      manifest.files.some((one: string) => link === one || link.startsWith(`${one}/`));
    expect(links.filter((link) => !held(link) || !existsSync(new URL(link, ROOT)))).toEqual([]);
  });

  test('says where it is from, has no side effects, and `default` is the last condition of each export', () => {
    expect(manifest).toMatchObject({
      repository: { type: 'git', url: expect.stringMatching(/^git\+https:/) },
      homepage: expect.stringMatching(/^https:/),
      bugs: { url: expect.stringMatching(/^https:/) },
      sideEffects: false,
    });
    for (const entry of Object.values<unknown>(manifest.exports))
      if (typeof entry === 'object') expect(Object.keys(entry as object).at(-1)).toBe('default');
  });

  test('has neither source maps nor names of them: they would point at sources that it does not hold', () => {
    const files = readdirSync(new URL('dist', ROOT), { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => file.endsWith('.map'))).toEqual([]);
    for (const file of files.filter((one) => one.endsWith('.js')))
      expect(read(`dist/${file}`), file).not.toMatch(/^\/\/# sourceMappingURL/m);
  });

  test('has public types that name no package but Node.js', () => {
    const seen = new Set<string>();
    const foreign: string[] = [];
    const visit = (url: URL) => {
      if (seen.has(url.href)) return;
      seen.add(url.href);
      for (const [, from = ''] of readFileSync(url, 'utf8').matchAll(/(?:from|import\() ?'([^']+)'/g)) {
        if (from.startsWith('.')) visit(new URL(from.replace(/\.js$/, '.d.ts'), url));
        else if (!from.startsWith('node:')) foreign.push(`${from} in ${url.href}`);
      }
    };
    visit(new URL('dist/index.d.ts', ROOT));
    expect(seen.size).toBeGreaterThan(10);
    expect(foreign).toEqual([]);
  });
});

describe('a checkout without its build', () => {
  test('has a CLI that says in one line what to do', () => {
    const root = bareCheckout();
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [join(root, 'bin/datafn-ws.js'), '--version'],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stdout]).toEqual([70, '']);
    expect(stderr).toMatch(/^error: datafn-ws is not built. Run `npm ci && npm run build` in .*\n$/);
  });

  test('is installed without the compiler all the same, and says what is missing', () => {
    const root = bareCheckout();
    const { status, stderr } = spawnSync(process.execPath, ['scripts/prepare.mjs'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^datafn-ws is not built.*npm run build`\.\n$/),
    ]);
    mkdirSync(join(root, 'dist'));
    expect(execFileSync(process.execPath, ['scripts/prepare.mjs'], { cwd: root, encoding: 'utf8' })).toBe('');
  });
});
