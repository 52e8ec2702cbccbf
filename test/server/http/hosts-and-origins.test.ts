import { describe, expect, test } from 'vitest';
import { originProblem } from '../../../src/options/checks.js';
import { originRule } from '../../../src/server/http/hosts-and-origins.js';

describe('by default', () => {
  const isAllowed = originRule([]);
  test.each([
    undefined,
    'http://localhost',
    'http://localhost:5173',
    'https://localhost',
    'http://127.0.0.1:8080',
    'http://[::1]:3000',
    'http://app.localhost:3001',
    'HTTP://LOCALHOST',
  ])('a page of %s gets in', (origin) => {
    expect(isAllowed(origin)).toBe(true);
  });

  test.each([
    '',
    'null',
    'http://evil.example',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'http://evil.example:80/localhost',
    'file://',
    'file://localhost',
    'ftp://localhost',
    'localhost',
    'http://192.168.0.1',
    'http://0.0.0.0',
    'http://localhost, http://evil.example',
    'chrome-extension://localhost',
    'http://evil.example@localhost',
    'http://localhost/path',
    'http://localhost/',
    'http://localhost?',
    'http://localhost:',
    'http://localhost\\@evil.example',
    'http://%6cocalhost',
  ])('a page of %j does not', (origin) => {
    expect(isAllowed(origin)).toBe(false);
  });
});

describe('with a list', () => {
  const isAllowed = originRule([
    'https://App.Example.com',
    'http://other.example:8080',
    'capacitor://localhost',
  ]);

  test.each([
    undefined,
    'https://app.example.com',
    'https://APP.example.com:443',
    'http://other.example:8080',
    'capacitor://localhost',
  ])('a page of %s gets in', (origin) => {
    expect(isAllowed(origin)).toBe(true);
  });

  test.each([
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'https://evil.example/https://app.example.com',
    'https://app.example.com/path',
    'https://user@app.example.com/',
    'https://user@app.example.com',
    'https://app.example.com:',
    'http://other.example',
    'http://localhost',
    'null',
  ])('a page of %s does not', (origin) => {
    expect(isAllowed(origin)).toBe(false);
  });

  test('null lets in pages without an origin, and * everybody', () => {
    expect(originRule(['null'])('null')).toBe(true);
    expect(originRule(['null'])('http://localhost')).toBe(false);
    for (const origin of ['null', 'http://evil.example', '']) expect(originRule(['*'])(origin)).toBe(true);
  });
});

test('an origin of the list has a scheme and a host, and nothing after it', () => {
  for (const right of [
    'https://a.example',
    'http://localhost:5173',
    'http://[::1]:3000',
    'capacitor://localhost',
    'null',
    '*',
  ])
    expect(originProblem(right), right).toBeUndefined();
  for (const wrong of [
    '',
    'a.example',
    'https://',
    'https://a.example/',
    'https://a.example/x',
    'https://a b',
    'https://user@a.example',
    'https://a.example:',
    'Null',
  ])
    expect(originProblem(wrong), wrong).toContain('an origin such as');
  for (const wildcard of ['https://*.example', 'https://a.example:*', '*.example', '**'])
    expect(originProblem(wildcard), wildcard).toContain('without a wildcard inside (list each origin)');
});
