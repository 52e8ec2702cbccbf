import { afterEach, describe, expect, test } from 'vitest';
import { answerJson, httpBackend, type Listening } from '../support/fake-backend.js';
import { runWith } from '../support/run-in-process.js';

const servers: Listening[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A server that answers each path with some JSON, and what a command prints with it. */
async function against(answers: Readonly<Record<string, unknown>>, ...args: string[]) {
  const server = await httpBackend(({ url = '' }, response) => answerJson(response, 200, answers[url] ?? {}));
  servers.push(server);
  return runWith([...args, '--url', server.url]);
}

const client = (id: string) => ({
  ...{ id, namespace: 'a', since: '2026-01-01T00:00:00.000Z', connectedMs: 1, bytesWaiting: 0 },
});

describe('a server that answers something else is said to be no datafn-ws server', () => {
  test.each<[string[], Readonly<Record<string, unknown>>, string]>([
    [['kick', '7'], {}, '`closed`'],
    [['who'], {}, '`namespaces`'],
    [['who'], { '/v1/namespaces': { namespaces: [{ namespace: 'a', connections: -1 }] } }, '`namespaces`'],
    [['who', '-n', 'a'], { '/v1/clients?namespace=a': { clients: [null], total: 1 } }, '`clients`'],
    [['who', '-n', 'a'], { '/v1/clients?namespace=a': { clients: [], total: 'many' } }, '`total`'],
    [['fault', 'list'], {}, '`rules`'],
  ])('%j', async (args, answers, field) => {
    const { code, stdout, stderr } = await against(answers, ...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`refused: an answer without ${field}; is it a datafn-ws server?`);
  });
});

test('who asks for page after page, until there is no other', async () => {
  const path = '/v1/clients?namespace=a';
  const pages = {
    [path]: { total: 3, clients: [client('1'), client('2')], next: '2' },
    [`${path}&after=2`]: { total: 3, clients: [client('3')] },
  };
  const { code, stdout } = await against(pages, 'who', '-n', 'a', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ total: 3, clients: ['1', '2', '3'].map(client) });
});
