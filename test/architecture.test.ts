// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are code that is checked
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { breaches, type SourceFile } from './support/source-rules.js';

const ROOT = join(import.meta.dirname, '..');

function sources(): SourceFile[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return { path: relative(ROOT, file).split(sep).join('/'), text: readFileSync(file, 'utf8') };
    });
}

const breachesOf = (path: string, ...lines: string[]) => breaches([{ path, text: lines.join('\n') }]);

test('time, environment, exit and output are used only by the files that own them', () => {
  const files = sources();
  // So that a moved folder does not make this pass by finding nothing.
  expect(files.map(({ path }) => path)).toContain('src/manager/web-socket-manager.ts');
  expect(breaches(files)).toEqual([]);
});

test('JSON that is printed is escaped: neither the commands nor the reports make any other', () => {
  const unescaped = sources()
    .filter(({ path, text }) => /^src\/(?:cli|bench\/report)\//.test(path) && text.includes('JSON.stringify'))
    .map(({ path }) => path);
  // Keys of maps, which are not printed.
  expect(unescaped.sort()).toEqual(['src/bench/report/repeated.ts', 'src/bench/report/sections/failures.ts']);
});

describe('npm run lint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-lint-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What the check of imports says of these files, one violation per line. */
  function violations(files: Readonly<Record<string, string>>): string[] {
    const root = mkdtempSync(join(folder, 'project-'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const script = join(ROOT, 'scripts/check-imports.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const found = [...stdout.matchAll(/^ +error ([\w-]+): (\S+)/gm)].map(
      ([, rule, path]) => `${rule} ${path}`,
    );
    expect(status).toBe(found.length > 0 ? 1 : 0);
    return found.sort();
  }

  test('finds an import against the direction, in any form', () => {
    const forms = [
      "import { y } from '../cli/y.js';",
      "import type { Y } from '../cli/y.js';",
      "export * from '../cli/y.js';",
      "export const y = import('../cli/y.js');",
      "export type Y = import('../cli/y.js').Y;",
    ];
    const files = forms.map((code, index) => [`src/server/x${index}.ts`, code] as const);
    expect(
      violations({
        ...Object.fromEntries(files),
        'src/cli/y.ts': 'export const y = 1; export type Y = 1;',
      }),
    ).toEqual(files.map(([path]) => `server-imports-only-backplane-options-manager-protocol-text ${path}`));
  });

  test('finds a cycle between files, of types as well', () => {
    expect(
      violations({
        'src/server/x.ts': "import type { Y } from './y.js'; export type X = Y;",
        'src/server/y.ts': "import type { X } from './x.js'; export type Y = X;",
      }),
    ).toEqual(['no-cycle-between-files src/server/x.ts']);
  });

  test('finds a cycle between folders whose files have none', () => {
    expect(
      violations({
        'src/server/ws/x.ts': "import { y } from '../http/y.js'; export const x = y;",
        'src/server/http/y.ts': 'export const y = 1;',
        'src/server/http/z.ts': "import { a } from '../ws/a.js'; export const z = a;",
        'src/server/ws/a.ts': 'export const a = 1;',
      }),
    ).toEqual(['no-cycle-between-folders src/server/http', 'no-cycle-between-folders src/server/ws']);
  });

  test('finds a new folder, the own package, and files outside of src', () => {
    expect(
      violations({
        'src/extra/x.ts': "import { y } from '../text/y.js'; export const x = y;",
        'src/text/y.ts': 'export const y = 1;',
        'src/text/z.ts': "import { y } from 'datafn-ws'; export const z = y;",
        'src/text/a.ts': "import { y } from '../../test/y.js'; export const a = y;",
      }),
    ).toEqual([
      'a-new-folder-needs-a-layer src/extra/x.ts',
      'no-import-from-outside-src src/text/a.ts',
      'no-import-of-the-own-package src/text/z.ts',
    ]);
  });

  test('accepts imports of packages, of lower folders and inside a folder', () => {
    expect(
      violations({
        'src/server/x.ts': "import 'ws'; import 'node:fs'; import { y } from './y.js'; export const x = y;",
        'src/server/y.ts': "export { z as y } from '../protocol/z.js'; // import '../cli/x.js';",
        'src/protocol/z.ts': 'export const z = 1;',
      }),
    ).toEqual([]);
  });
});

describe('what the checker finds: time', () => {
  const TIME = [
    'const t = Date.now();',
    'const t = new Date();',
    'const t = performance.now();',
    'const t = globalThis.performance.now();',
    'const t = process.hrtime.bigint();',
    'setTimeout(f, 1);',
    'setInterval(f, 1);',
    'setImmediate(f);',
    'queueMicrotask(f);',
    'process.nextTick(f);',
    'const later = setTimeout;',
    'globalThis.setTimeout(f, 1);',
    'globalThis?.setTimeout(f, 1);',
    'clearTimeout(handle);',
    'const text = `${Date.now()} ms`;',
    "import { setTimeout as sleep } from 'node:timers/promises';",
    "import { performance as clock } from 'node:perf_hooks';",
  ];

  test.each(TIME)('manager and protocol must not: %s', (code) => {
    for (const folder of ['manager', 'protocol']) {
      const path = `src/${folder}/x.ts`;
      const found = breachesOf(path, '', '', code);
      expect(found).not.toEqual([]);
      for (const breach of found) expect(breach).toContain(`${path}:3: ${folder} must not use `);
    }
  });

  test.each(TIME)('the clock itself, and the folders above, may: %s', (code) => {
    for (const path of ['src/manager/clock.ts', 'src/server/x.ts', 'src/bench/x.ts']) {
      expect(breachesOf(path, code)).toEqual([]);
    }
  });

  test.each([
    'this.#clock.setTimeout(f, 1);',
    'clock.setImmediate(f);',
    'const setTimeoutMs = 1;',
    '// Date.now() and setTimeout',
    '/** Like `setTimeout`. */',
    "const text = 'no Date.now() here, nor setTimeout';",
    'const text = `no setTimeout ${here}`;',
    'const at = new Date(givenMs);',
  ])('this is no clock: %s', (code) => {
    expect(breachesOf('src/manager/x.ts', code)).toEqual([]);
  });
});

describe('what the checker finds: exit, environment and console', () => {
  const EDGE = [
    'process.exit(1);',
    'process\n  .exit(1);',
    'const { PORT } = process.env;',
    'const { env } = process;',
    'globalThis.process.env.PORT;',
    "console.log('x');",
    'const print = console.log;',
    'globalThis.console.log(1);',
    "import { env } from 'node:process';",
    "import { exit as leave } from 'process';",
    "import { log } from 'node:console';",
    'const text = `${process.env.PORT}`;',
  ];

  test.each(EDGE)('only cli may: %j', (code) => {
    for (const folder of ['protocol', 'manager', 'options', 'server', 'emit', 'listen', 'bench', 'verify']) {
      expect(breachesOf(`src/${folder}/x.ts`, '', code), folder).toEqual([
        expect.stringMatching(`^src/${folder}/x.ts:2: ${folder} must not use `),
      ]);
    }
    expect(breachesOf('src/index.ts', code)).toHaveLength(1);
    expect(breachesOf('src/cli/x.ts', code)).toEqual([]);
  });

  test.each([
    'process.on("exit", f);',
    'process.exitCode;',
    'child.process.pid;',
    'worker.env;',
    'io.console.log(1);',
    '// process.exit(1), process.env and console',
    "const text = 'set process.env.PORT; see the console';",
    "import { cwd } from 'node:process';",
  ])('anybody may: %s', (code) => {
    expect(breachesOf('src/server/x.ts', code)).toEqual([]);
  });
});
