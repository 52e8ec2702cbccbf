import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadNamespaceProvider } from '../../../src/server/auth/module.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-module-'));
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;
function moduleOf(code: string, extension = 'mjs'): string {
  const file = join(folder, `provider-${written++}.${extension}`);
  writeFileSync(file, code);
  return file;
}

const REQUEST = { token: 'T', url: '/', headers: {}, remoteAddress: undefined };

describe('an auth module', () => {
  test.each([
    ['a function', 'export function getNamespace({ token }) { return "user:" + token; }', 'mjs'],
    ['an async arrow', 'export const getNamespace = async ({ token }) => "user:" + token;', 'mjs'],
    ['a CommonJS export', 'exports.getNamespace = ({ token }) => "user:" + token;', 'cjs'],
    [
      'a module that waits for something first',
      'await new Promise(setImmediate); export const getNamespace = ({ token }) => "user:" + token;',
      'mjs',
    ],
  ])('may have %s', async (_, code, extension) => {
    const provider = await loadNamespaceProvider(moduleOf(code, extension));
    expect(await provider(REQUEST)).toBe('user:T');
  });

  test.each<[string, string, RegExp]>([
    [
      'exports nothing',
      'const getNamespace = () => "a";',
      /to export a function getNamespace\(request\), got no exports\.$/,
    ],
    ['exports something else', 'export const a = 1; export const b = 2;', /got only a, b\.$/],
    [
      'has a slip of the pen',
      'export const getNameSpace = () => "a";',
      /got only getNameSpace\. Did you mean `getNamespace`\?$/,
    ],
    ['exports a text', 'export const getNamespace = "user:alice";', /got "user:alice" of that name\.$/],
    ['throws', 'throw new Error("no database\\nat all");', /cannot be loaded: no database$/],
    ['throws nothing in particular', 'throw null;', /cannot be loaded: null$/],
    ['imports what is not there', 'import "./no-such-file.mjs";', /cannot be loaded: Cannot find module/],
  ])('that %s is refused in one line', async (_, code, message) => {
    const failed = loadNamespaceProvider(moduleOf(code));
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow(/^[^\n]+$/);
    await expect(failed).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });

  test('that waits for ever is waited for only so long', async () => {
    const file = moduleOf('export const getNamespace = () => "a"; await new Promise(() => {});');
    await expect(loadNamespaceProvider(file, 20)).rejects.toThrow(
      /cannot be loaded: it took longer than 20 ms$/,
    );
  });

  test('that is not there, or is a folder, is refused with its name', async () => {
    await expect(loadNamespaceProvider('no/such.mjs')).rejects.toThrow(
      /^The auth module no\/such\.mjs cannot be loaded: ENOENT[^\n]*$/,
    );
    await expect(loadNamespaceProvider(folder)).rejects.toThrow(/cannot be loaded: it is not a file/);
  });
});
