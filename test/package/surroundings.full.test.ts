import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { isOnline, mustRun, online, pack, project, run } from './consumer.js';

const { folder } = temporaryFolder('surroundings');
const LONG_MS = 600_000;
const DOCUMENT = readFileSync(new URL('../../docs/surroundings.md', import.meta.url), 'utf8');

/** The code of the document below a heading. */
function example(heading: string): string {
  const code = DOCUMENT.split(`\n## ${heading}\n`)[1]
    ?.split('\n## ')[0]
    ?.match(/```(?:js|ts)\n([\s\S]*?)```/)?.[1];
  if (code === undefined) throw new Error(`There is no example below "${heading}"`);
  return code;
}

beforeAll(async () => {
  project(folder, {
    'jest/package.json': '{"private":true}',
    'jest/manager.test.js': example('Jest'),
    'bun.ts': `${example('Bun')}
const socket = new WebSocket('ws://127.0.0.1:' + server.port + '/datafn/ws?token=user:alice');
socket.onopen = () => manager.broadcastCursor('42', 'user:alice');
socket.onmessage = ({ data }) => { console.log(data); process.exit(); };
`,
    'deno.ts': `import { createDatafnWsServer } from 'datafn-ws';
import { connect } from 'node:net';
const server = createDatafnWsServer({ port: 0 });
const { port } = await server.listen();
const socket = connect(port, '127.0.0.1');
const heads: string[] = [];
socket.on('data', (bytes) => {
  heads.push(String(bytes).split('\\r\\n')[0]);
  if (heads.length === 2) { console.log(heads.join(' | ')); process.exit(); }
  socket.write('GET /datafn/ws?token=a HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n');
});
socket.write('GET /v1/stats HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n');
`,
  });
  if (!isOnline) return;
  await mustRun(folder, 'npm', [
    'install',
    '--no-audit',
    '--no-fund',
    'bun@1',
    'deno@2',
    'jest@30',
    await pack(folder),
  ]);
}, LONG_MS);

const runtime = (name: string, args: readonly string[]) =>
  mustRun(folder, join(folder, 'node_modules/.bin', name), args);
const BIN = 'node_modules/datafn-ws/bin/datafn-ws.js';

describe('the documented ways into other surroundings', () => {
  online(
    'Jest, which runs tests as CommonJS, loads it with `import()`',
    async () => {
      const { code, output } = await run(
        join(folder, 'jest'),
        join(folder, 'node_modules/.bin/jest'),
        ['--rootDir', '.'],
        {
          NODE_OPTIONS: '--experimental-vm-modules',
        },
      );
      expect(code, output).toBe(0);
      expect(output).toContain('1 passed');
    },
    LONG_MS,
  );

  online(
    'Bun runs the CLI but for serve, which says that it needs Node.js, and the example with Bun.serve',
    async () => {
      expect(await runtime('bun', [BIN, '--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
      const serve = await run(folder, join(folder, 'node_modules/.bin/bun'), [BIN, 'serve', '--port', '0']);
      expect(serve.code).toBe(3);
      expect(serve.output).toMatch(/^error: The server needs Node\.js, and this is Bun: /);
      expect(await runtime('bun', ['bun.ts'])).toContain('{"type":"cursor","cursor":"42"}');
    },
    LONG_MS,
  );

  online(
    'Deno runs the CLI, and upgrades a connection that had another request',
    async () => {
      expect(await runtime('deno', ['run', '-A', BIN, '--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
      expect(await runtime('deno', ['run', '-A', 'deno.ts'])).toContain(
        'HTTP/1.1 200 OK | HTTP/1.1 101 Switching Protocols',
      );
    },
    LONG_MS,
  );
});
