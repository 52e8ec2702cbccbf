// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are code that is checked
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
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

test('the sources keep to the direction of dependencies, and leave time, environment and output to who owns them', () => {
  const files = sources();
  // So that a moved folder does not make this pass by finding nothing.
  expect(files.map(({ path }) => path)).toContain('src/manager/web-socket-manager.ts');
  expect(breaches(files)).toEqual([]);
});

test('JSON that is printed is escaped: neither the commands nor the reports make any other', () => {
  const unescaped = sources()
    .filter(({ path, text }) => /^src\/(?:cli|bench\/report)\//.test(path) && text.includes('JSON.stringify'))
    .map(({ path }) => path);
  // Keys of maps, which nobody prints.
  expect(unescaped.sort()).toEqual([
    'src/bench/report/repeated.ts',
    'src/bench/report/sections/connections.ts',
    'src/bench/report/sections/failures.ts',
  ]);
});

describe('what the checker finds: the direction of dependencies', () => {
  const FOLDERS = ['text', 'protocol', 'manager', 'options', 'server', 'emit', 'listen', 'bench', 'cli'];
  const MAY: Record<string, string[]> = {
    text: [],
    protocol: ['text'],
    manager: ['protocol', 'text'],
    options: ['manager', 'protocol', 'text'],
    server: ['options', 'manager', 'protocol', 'text'],
    emit: ['options', 'protocol', 'text'],
    listen: ['emit', 'options', 'protocol', 'text'],
    bench: ['emit', 'options', 'protocol', 'text'],
    cli: FOLDERS,
  };
  const pairs = FOLDERS.flatMap((from) => FOLDERS.filter((to) => to !== from).map((to) => ({ from, to })));

  test.each(pairs.filter(({ from, to }) => !MAY[from]?.includes(to)))(
    '$from must not import $to',
    ({ from, to }) => {
      expect(breachesOf(`src/${from}/x.ts`, '', `import { y } from '../${to}/y.js';`)).toEqual([
        `src/${from}/x.ts:2: ${from} must not import ${to} (\`../${to}/y.js\`)`,
      ]);
    },
  );

  test.each(pairs.filter(({ from, to }) => MAY[from]?.includes(to)))(
    '$from may import $to',
    ({ from, to }) => {
      expect(breachesOf(`src/${from}/x.ts`, `import { y } from '../${to}/y.js';`)).toEqual([]);
    },
  );

  test('the public exports may come from anywhere but cli, listen and bench', () => {
    for (const folder of FOLDERS) {
      const found = breachesOf('src/index.ts', `export { y } from './${folder}/y.js';`);
      expect(found, folder).toHaveLength(['cli', 'listen', 'bench'].includes(folder) ? 1 : 0);
    }
  });

  test('nobody but cli may import the public exports, by path or by the name of the package', () => {
    for (const specifier of ['../index.js', 'datafn-ws', 'datafn-ws/x']) {
      expect(breachesOf('src/server/x.ts', `import { y } from '${specifier}';`), specifier).toHaveLength(1);
      expect(breachesOf('src/cli/x.ts', `import { y } from '${specifier}';`), specifier).toEqual([]);
    }
  });

  test.each([
    ["import '../server/y.js';"],
    ["import y from '../server/y.js';"],
    ["import * as y from '../server/y.js';"],
    ["import type { Y } from '../server/y.js';"],
    ["import y, { type Z } from '../server/y.js';"],
    ["import{y}from'../server/y.js';"],
    ['import { y } from "../server/y.js";'],
    ["export { y } from '../server/y.js';"],
    ["export * from '../server/y.js';"],
    ["export * as y from '../server/y.js';"],
    ["export type { Y } from '../server/y.js';"],
    ["const y = await import('../server/y.js');"],
    ["type Y = import('../server/y.js').Y;"],
    ["const y = require('../server/y.js');"],
    ["import {\n  y,\n  z,\n} from '../server/y.js';"],
    ["import { y } from './deep/../../server/y.js';"],
    ["const text = 'http://x'; import { y } from '../server/y.js';"],
    ["const pattern = /['\"]/; import { y } from '../server/y.js';"],
  ])('an import counts in whatever form: %j', (code) => {
    expect(breachesOf('src/bench/x.ts', code)).toHaveLength(1);
  });

  test('an import from deep inside of a folder is judged by the folders of both ends', () => {
    const path = 'src/bench/fleet/x.ts';
    expect(
      breachesOf(path, "import { y } from '../measure/y.js';", "import { z } from '../../emit/z.js';"),
    ).toEqual([]);
    expect(breachesOf(path, "import { y } from '../../manager/y.js';")).toHaveLength(1);
  });

  test('packages and package.json may be imported, and other files outside of src may not', () => {
    expect(breachesOf('src/server/x.ts', "import { WebSocket } from 'ws';", "import 'node:fs';")).toEqual([]);
    expect(
      breachesOf('src/cli/x.ts', "import meta from '../../package.json' with { type: 'json' };"),
    ).toEqual([]);
    expect(breachesOf('src/server/x.ts', "import { y } from '../../test/support/y.js';")).toHaveLength(1);
  });

  test('an import in a comment or in a string is none', () => {
    expect(
      breachesOf(
        'src/protocol/x.ts',
        "// import { y } from '../server/y.js';",
        "/* import { y } from '../server/y.js'; */",
        "/** See import('../server/y.js'). */",
      ),
    ).toEqual([]);
  });

  test('a new folder needs a rule', () => {
    expect(breachesOf('src/extra/x.ts', 'export {};')).toEqual([
      'src/extra/x.ts:1: there is no rule for what src/extra may import',
    ]);
    expect(breachesOf('src/constructor/x.ts', 'export {};')).toHaveLength(1);
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
    for (const folder of ['protocol', 'manager', 'options', 'server', 'emit', 'listen', 'bench']) {
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
