import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { clientsTable, namespacesTable } from '../../src/cli/who.js';

const PLAIN = new Chalk({ level: 0 });
const rows = [
  { namespace: `tenant:${'x'.repeat(60)}`, connections: 12_345 },
  { namespace: 'user:alice', connections: 1 },
];

describe('the table of namespaces', () => {
  test('has a line a namespace in a pipe, whatever its length', () => {
    expect(namespacesTable(rows, PLAIN, undefined).split('\n')).toEqual([
      `namespace${' '.repeat(60)}clients`,
      `tenant:${'x'.repeat(60)}   12,345`,
      `user:alice${' '.repeat(65)}1`,
      '',
      '12,346 clients in 2 namespaces',
      '',
    ]);
  });

  test.each([20, 40, 80, 200])('keeps to %i columns, and loses nothing of a name', (columns) => {
    const lines = namespacesTable(rows, PLAIN, columns).split('\n\n')[0]?.split('\n') ?? [];
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines.join('').replace(/\s|12,345/g, '')).toContain(`tenant:${'x'.repeat(60)}`);
  });

  test('shows controls in a name instead of obeying them', () => {
    const shown = namespacesTable([{ namespace: 'a\u001b[2J\u202e', connections: 1 }], PLAIN, 80);
    expect(shown).toContain('a\\u001b[2J\\u202e');
    expect(shown).not.toContain('\u001b');
  });

  test('has the thousand with the most clients, and counts the rest', () => {
    const many = Array.from({ length: 400_000 }, (_, index) => ({
      namespace: `user:${index}`,
      connections: 1,
    }));
    const lines = namespacesTable(many, PLAIN, undefined).trimEnd().split('\n');
    expect(lines).toHaveLength(1004);
    expect(lines.slice(-3)).toEqual([
      '… and 399,000 more namespaces; --json lists all',
      '',
      '400,000 clients in 400,000 namespaces',
    ]);
  });

  test('of nothing is a sentence', () => {
    expect(namespacesTable([], PLAIN, 80)).toBe('no clients are connected\n');
  });
});

describe('the table of the clients of a namespace', () => {
  const anyone = { namespace: 'a', since: '2026-01-01T00:00:00.000Z', bytesWaiting: 0 };
  const client = {
    ...anyone,
    id: '7',
    clientId: 'tab-1',
    remoteAddress: '10.0.0.1',
    connectedMs: 61_000,
    heard: '42',
  };

  test('has who each is, where it is and for how long, and a dash for what it has not said', () => {
    const clients = [client, { ...anyone, id: '8', connectedMs: 1500 }];
    expect(clientsTable({ total: 2, clients }, PLAIN, 80)).toBe(
      [
        'client id  connection   address  connected for  cursor',
        'tab-1              #7  10.0.0.1           61 s      42',
        '-                  #8         -          1.5 s       -',
        '',
        '2 clients',
        '',
      ].join('\n'),
    );
  });

  test('keeps to 60 columns by breaking client ids, shows controls, and counts those that the server left out', () => {
    const long = { ...client, clientId: `\u202e${'x'.repeat(100)}` };
    const lines = clientsTable({ total: 1500, clients: [long] }, PLAIN, 60).split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
    expect(lines.join('\n')).toContain('\\u202exxx');
    expect(lines.slice(-4)).toEqual(['… and 1,499 more clients', '', '1,500 clients', '']);
  });

  test('is a line when there are none', () => {
    expect(clientsTable({ total: 0, clients: [] }, PLAIN, 80)).toBe('no clients are connected\n');
  });
});
