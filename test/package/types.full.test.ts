import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { isOnline, isWholeMatrix, mustRun, online, pack, project, ROOT } from './consumer.js';

const { folder } = temporaryFolder('types');
const COMPILERS = ['5.4', '5.9', '6', '7'];
const MODULES = { node16: 'node16', nodenext: 'nodenext', esnext: 'bundler' };
const INSTALL_MS = 600_000;

const CONSUMER = readFileSync(new URL('./every-name.ts.txt', import.meta.url), 'utf8');
const MANAGER_ALONE = `import { WebSocketManager, type WebSocketClient } from 'datafn-ws/manager';
export const client: WebSocketClient = { send(text) { text.length; } };
export const isIn: boolean = new WebSocketManager().addClient(client, { namespace: 'a' });
`;

// The command line of older compilers takes no empty list of types.
const MANAGER_ALONE_OPTIONS = {
  ...{ noEmit: true, strict: true, exactOptionalPropertyTypes: true, target: 'es2022', types: [] },
  ...{ module: 'esnext', moduleResolution: 'bundler' },
};

/** The names that a declaration file exports, those of files that it exports whole included. */
function exported(file: string): string[] {
  const text = readFileSync(join(ROOT, 'dist', file), 'utf8');
  const own = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().replace(/^type /, '')),
  );
  return [
    ...own,
    ...[...text.matchAll(/export \* from '\.\/(.*)\.js'/g)].flatMap(([, name]) => exported(`${name}.d.ts`)),
  ];
}

it('the consumer of these tests uses every public name', () => {
  const names = exported('index.d.ts');
  expect(names.length).toBeGreaterThan(25);
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(CONSUMER))).toEqual([]);
});

describe('a consumer of every public name compiles, strict, with exactOptionalPropertyTypes and without skipLibCheck', () => {
  beforeAll(async () => {
    project(folder, {
      'every-name.ts': CONSUMER,
      'manager-alone.ts': MANAGER_ALONE,
      'manager-alone.json': JSON.stringify({
        compilerOptions: MANAGER_ALONE_OPTIONS,
        files: ['manager-alone.ts'],
      }),
    });
    const compilers = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`);
    if (!isOnline) return;
    await mustRun(folder, 'npm', [
      'install',
      '--no-audit',
      '--no-fund',
      '@types/node@20',
      ...compilers,
      await pack(folder),
    ]);
  }, INSTALL_MS);

  const compile = (version: string, args: readonly string[]) =>
    mustRun(folder, process.execPath, [`node_modules/typescript-${version}/bin/tsc`, ...args]);

  for (const [row, version] of COMPILERS.entries()) {
    for (const [column, [module, resolution]] of Object.entries(MODULES).entries()) {
      if (!isWholeMatrix && column !== row % 3) continue;
      online(`TypeScript ${version}, ${resolution}`, () =>
        compile(version, [
          ...[
            '--noEmit',
            '--strict',
            '--exactOptionalPropertyTypes',
            '--target',
            'es2022',
            '--types',
            'node',
          ],
          ...['--module', module, '--moduleResolution', resolution, 'every-name.ts'],
        ]),
      );
    }
    online(`TypeScript ${version}, bundler, the manager alone, without the types of Node.js`, () =>
      compile(version, ['-p', 'manager-alone.json']),
    );
  }
});
