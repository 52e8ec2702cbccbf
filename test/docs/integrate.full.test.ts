import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../support/http-call.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';
import { openPort } from '../support/open-port.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const ROOT = join(import.meta.dirname, '../..');
const TOKEN = 'an-admin-token-of-some-length';
const { path } = temporaryFolder('integrate');

/** A backend as the page wants one: a function from Request to Response. */
const BACKEND = `let seq = 0;
export const namespaceOf = (request) => request.headers.get('authorization').replace('Bearer ', '');
export async function handle(request) {
  const { mutations } = await request.json();
  const cursorBefore = String(seq);
  seq += mutations.length;
  const isRefused = mutations.some(({ operation }) => operation === 'conflict');
  const result = { ok: !isRefused, applied: [], errors: [], cursor: String(seq), cursorBefore };
  return Response.json({ ok: !isRefused, result }, { status: isRefused ? 400 : 200, headers: { 'x-own': 'a' } });
}
`;

beforeAll(() => {
  const page = readFileSync(join(ROOT, 'docs/integrate.md'), 'utf8');
  const examples = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(examples.length).toBe(5);
  for (const [, name = '', code = ''] of examples) {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), code);
  }
  writeFileSync(path('backend.mjs'), BACKEND);
  writeFileSync(path('package.json'), '{"type":"module"}');
  mkdirSync(path('node_modules/@hono'), { recursive: true });
  symlinkSync(ROOT, path('node_modules/datafn-ws'));
  for (const name of ['express', 'fastify', 'hono', '@hono/node-server'])
    symlinkSync(folderOf(name), path(`node_modules/${name}`));
});

function folderOf(name: string): string {
  const found = createRequire(import.meta.url)
    .resolve.paths(name)
    ?.map((folder) => join(folder, name))
    .find((folder) => {
      try {
        return readFileSync(join(folder, 'package.json')).length > 0;
      } catch {
        return false;
      }
    });
  if (found === undefined) throw new Error(`Expected ${name} to be installed: run npm install`);
  return found;
}

afterEach(disposeLive);

const pushTo = (port: number, operation: string) =>
  call('POST', `http://localhost:${port}/datafn/push`, {
    headers: { 'content-type': 'application/json', authorization: 'Bearer user:alice' },
    body: JSON.stringify({ clientId: 'a', mutations: [{ operation }] }),
  });

/** Pushes until the backend is there; `undefined` when its process has ended. */
async function firstAnswer(port: number, child: ChildProcess) {
  for (;;) {
    const answer = await pushTo(port, 'insert').catch(() => undefined);
    if (answer !== undefined || child.exitCode !== null) return answer;
  }
}

describe.each(['hono', 'express', 'fastify'])('the example with %s', (name) => {
  test('answers as its backend does, and the clients of the namespace hear of a push', async () => {
    const live = await startServer({ adminToken: TOKEN });
    const client = await openClient(live.wsUrl, 'user:alice');
    const port = await openPort();
    const child = spawn(process.execPath, [path(`${name}.mjs`)], {
      env: { ...process.env, PORT: String(port), DATAFN_WS_URL: live.apiUrl, DATAFN_WS_ADMIN_TOKEN: TOKEN },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const push = (operation: string) => pushTo(port, operation);
    const answer = await firstAnswer(port, child);
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'x-own': 'a' },
      json: { result: { cursor: '1' } },
    });
    expect((await push('conflict')).status).toBe(400);
    expect(await client.received(2)).toEqual([
      '{"type":"cursor","cursor":"1"}',
      '{"type":"cursor","cursor":"2"}',
    ]);
    child.kill();
    expect(await ended).toBe(0);
  });
});

test('the example with Next.js answers, and flushes after the response', async () => {
  // What the route imports of Next.js, which is not installed for this: `after` runs its callback later.
  mkdirSync(path('node_modules/next'), { recursive: true });
  writeFileSync(
    path('node_modules/next/package.json'),
    '{"name":"next","exports":{"./server":"./server.mjs"}}',
  );
  writeFileSync(
    path('node_modules/next/server.mjs'),
    'export const after = (callback) => setTimeout(callback, 10);',
  );
  const live = await startServer({ adminToken: TOKEN });
  const client = await openClient(live.wsUrl, 'user:alice');
  Object.assign(process.env, { DATAFN_WS_URL: live.apiUrl, DATAFN_WS_ADMIN_TOKEN: TOKEN });
  const { POST } = await import(path('app/datafn/[...path]/route.js'));
  const response = await POST(
    new Request('http://localhost/datafn/push', {
      method: 'POST',
      headers: { authorization: 'Bearer user:alice' },
      body: '{"mutations":[{}]}',
    }),
  );
  expect((await response.json()).result.cursor).toBe('1');
  expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"1"}']);
});

/** A folder in which `npm install next react react-dom` was run: 340 MB, too much to be installed for this test alone. */
const NEXT = process.env.DATAFN_WS_NEXT;

test.skipIf(NEXT === undefined)(
  'the example with Next.js is built and served by it (DATAFN_WS_NEXT)',
  async () => {
    const folder = (...names: string[]) => join(NEXT as string, ...names);
    for (const name of ['app', 'backend.mjs', 'notify.mjs'])
      cpSync(path(name), folder(name), { recursive: true });
    // Its bundler follows no link out of the folder.
    for (const name of ['package.json', 'dist'])
      cpSync(join(ROOT, name), folder('node_modules/datafn-ws', name), { recursive: true });
    const live = await startServer({ adminToken: TOKEN });
    const client = await openClient(live.wsUrl, 'user:alice');
    const cli = folder('node_modules/next/dist/bin/next');
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
    const routes = execFileSync(process.execPath, [cli, 'build'], {
      cwd: NEXT,
      env: { ...env, DATAFN_WS_URL: undefined },
    });
    expect(String(routes)).toContain('/datafn/[...path]');
    const port = await openPort();
    const child = spawn(process.execPath, [cli, 'start', '-H', 'localhost', '-p', String(port)], {
      cwd: NEXT,
      env: { ...env, DATAFN_WS_URL: live.apiUrl, DATAFN_WS_ADMIN_TOKEN: TOKEN },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    try {
      expect(await firstAnswer(port, child)).toMatchObject({
        status: 200,
        headers: { 'x-own': 'a' },
        json: { result: { cursor: '1' } },
      });
      expect((await pushTo(port, 'conflict')).status).toBe(400);
      expect(await client.received(2)).toEqual([
        '{"type":"cursor","cursor":"1"}',
        '{"type":"cursor","cursor":"2"}',
      ]);
    } finally {
      child.kill();
    }
  },
);
