import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { dashboardPage } from '../../../src/server/dashboard/page.js';
import { joinedModules } from '../../../src/text/joined-modules.js';

const SCRIPTS = join(import.meta.dirname, '../../../src/server/dashboard/script');
const source = (name: string) => readFileSync(join(SCRIPTS, name), 'utf8');
// The modules of the page have no types.
const load = (name: string) => import(pathToFileURL(join(SCRIPTS, name)).href);

describe('the page', () => {
  test('has two scripts and a style, each with its hash in the policy, and all modules', () => {
    const { html, headers } = dashboardPage();
    const text = html.toString();
    const parts = [...text.matchAll(/<(?:style|script[^>]*)>([\s\S]*?)<\/(?:style|script)>/g)].map(
      ([, part]) => part,
    );
    expect(parts).toHaveLength(3);
    for (const part of parts) {
      const hash = createHash('sha256')
        .update(part ?? '')
        .digest('base64');
      expect(headers['content-security-policy']).toContain(`'sha256-${hash}'`);
    }
    for (const name of readdirSync(SCRIPTS)) expect(text).toContain(`// ${name}\n`);
    expect(text.match(/\b(?:src|href)="(?!data:,|#view)[^"]*"/g)).toBe(null);
  });

  test('makes no markup out of text', () => {
    for (const name of readdirSync(SCRIPTS))
      expect(source(name), name).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|localStorage/,
      );
  });

  test('escapes what `printable` escapes', () => {
    const rule = /\[\\p\{Cc\}[^/]+\/gu/;
    const printable = readFileSync(join(SCRIPTS, '../../../text/printable.ts'), 'utf8');
    expect(rule.exec(source('text.js'))?.[0]).toBe(rule.exec(printable)?.[0]);
  });
});

describe('modules are joined', () => {
  const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const joined = (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return joinedModules(pathToFileURL(join(folder, 'main.js')), (file) => readFileSync(file, 'utf8'));
  };

  test('each once, after what it imports', () => {
    const files = {
      'main.js': "import { a,\n  b } from './a.js';\nimport { c } from './c.js';\na(b, c);\n",
      'a.js': "import { c } from './c.js';\nexport function a() {}\nexport const b = c;\n",
      'c.js': 'export const c = 1;\n',
    };
    const script = joined(files);
    expect(script.match(/^\/\/ .*/gm)).toEqual(['// c.js', '// a.js', '// main.js']);
    expect(script).not.toMatch(/import|export/);
  });

  test('but not two that declare the same name, nor one that imports or exports in another way', () => {
    const main = "import { a } from './a.js';\n";
    expect(() => joined({ 'main.js': `${main}const x = 1;`, 'a.js': 'const x = 2;' })).toThrow(
      'Both a.js and main.js declare x',
    );
    expect(() => joined({ 'main.js': main, 'a.js': 'export default 1;' })).toThrow(
      'Expected only named imports and exports in a.js',
    );
  });
});

describe('events on the page', () => {
  const connected = (atMs: number) => ({
    kind: 'connected',
    data: { atMs, connection: { id: atMs }, connections: 1 },
  });

  test('of a kind are a burst while each comes within a second of the one before, three alone are not folded', async () => {
    const { Bursts } = await load('events.js');
    const bursts = new Bursts();
    for (const atMs of [0, 900, 1800, 5000, 5100, 5200, 5300]) bursts.add(connected(atMs));
    const rows = bursts.rows();
    expect(
      rows.map(({ burst, event }: { burst?: { events: unknown[] }; event?: { data: { atMs: number } } }) =>
        burst === undefined ? event?.data.atMs : `${burst.events.length} events`,
      ),
    ).toEqual(['4 events', 1800, 900, 0]);
  });

  test('stand newest first, a burst where its newest event does', async () => {
    const { Bursts } = await load('events.js');
    const bursts = new Bursts();
    const closed = (id: number) => ({ kind: 'closed', data: { atMs: 0, connection: { id }, code: 1000 } });
    // Clients come and leave, mixed.
    for (let id = 1; id <= 3; id++) for (const event of [connected(id), closed(id)]) bursts.add(event);
    const shown = () =>
      bursts
        .rows()
        .map(
          ({
            burst,
            event,
          }: {
            burst?: { events: { kind: string }[] };
            event?: ReturnType<typeof closed>;
          }) =>
            burst === undefined
              ? `${event?.kind} ${event?.data.connection.id}`
              : `${burst.events.length} ${burst.events[0]?.kind}`,
        );
    expect(shown()).toEqual([
      'closed 3',
      'connected 3',
      'closed 2',
      'connected 2',
      'closed 1',
      'connected 1',
    ]);
    bursts.add(connected(4));
    expect(shown()).toEqual(['4 connected', 'closed 3', 'closed 2', 'closed 1']);
    expect(
      bursts
        .events()
        .map(({ kind }: { kind: string }) => kind[1])
        .join(''),
    ).toBe('olololo');
  });

  test('of refused clients say which ones, and why, when the reason is the same for all', async () => {
    const { burstText } = await load('events.js');
    const refused = (id: number, why: string) => ({
      kind: 'refused',
      data: { connection: { id }, code: 4401, reason: 'Unauthorized', why },
    });
    expect(burstText({ events: [3, 7, 9].map((id) => refused(id, 'no token')) })).toBe(
      '3 clients (#3 … #9) in (no namespace) with 4401 Unauthorized: no token',
    );
    expect(burstText({ events: [refused(3, 'no token'), refused(7, 'expired')] })).toBe(
      '2 clients (#3 … #7) in (no namespace) with 4401 Unauthorized',
    );
  });

  const behind = (id: number, heard: string | undefined, newest: string, atMs = 0, more = {}) => ({
    kind: 'behind',
    data: { atMs, connection: { id, namespace: 'a', clientId: `tab-${id}` }, heard, newest, ...more },
  });

  test('of a client that is behind are one line, which says how it was the last time, whatever comes between', async () => {
    const { Bursts, burstText, eventText } = await load('events.js');
    const bursts = new Bursts();
    for (const event of [behind(3, '38', '40', 0), connected(1000), behind(3, '38', '45', 9000)])
      bursts.add(event);
    bursts.add(behind(3, '38', '50', 20_000));
    const rows = bursts.rows();
    expect(
      rows.map(({ burst, event }: { burst?: unknown; event?: unknown }) =>
        burst === undefined ? eventText(event) : burstText(burst),
      ),
    ).toEqual([
      '#3 a (tab-3) by 12: was not sent cursor 50, has 38',
      '#3 a (tab-3) by 7: was not sent cursor 45, has 38',
      expect.stringContaining('#1000'),
    ]);
  });

  test('of several clients that are behind say which ones, and by how much', async () => {
    const { burstText, eventText } = await load('events.js');
    expect(eventText(behind(3, undefined, '40'))).toBe('#3 a (tab-3): was not sent cursor 40, has none yet');
    expect(eventText(behind(3, '39', '40', 0, { others: 9950 }))).toBe(
      '#3 a (tab-3) by 1: was not sent cursor 40, has 39; and 9,950 more clients',
    );
    const events = [behind(3, '38', '40'), behind(4, '39', '40'), behind(3, '38', '41')];
    expect(burstText({ events })).toBe('2 clients in a: #3 (tab-3) by 3, #4 (tab-4) by 1');
    for (const id of [5, 6]) events.push(behind(id, '40', '41', 0, { others: 0 }));
    expect(burstText({ events })).toBe(
      '4 clients in a: #3 (tab-3) by 3, #4 (tab-4) by 1, #5 (tab-5) by 1, …',
    );
  });

  test('a hello says by how much its client is behind, and several how many of them are', async () => {
    const { burstText, eventText, toneOf } = await load('events.js');
    const hello = (id: number, heard: string | undefined, newest: string | undefined) => ({
      kind: 'hello',
      data: { connection: { id, namespace: 'a' }, heard, newest },
    });
    const events = [
      hello(1, '40', '40'),
      hello(2, '38', '40'),
      hello(3, '0', undefined),
      hello(4, undefined, '40'),
    ];
    expect(events.map(eventText)).toEqual(['#1 a', '#2 a, behind by 2: has 38', '#3 a', '#4 a']);
    expect(events.map(toneOf)).toEqual(['', 'warn', '', '']);
    expect(burstText({ events })).toBe('4 clients (#1 … #4) in a, 1 of them behind: #2 by 2');
  });

  test('are at most 5,000: the oldest go first', async () => {
    const { Bursts, MAX_EVENTS } = await load('events.js');
    const bursts = new Bursts();
    for (let count = 0; count < MAX_EVENTS + 10; count++) bursts.add(connected(count * 500));
    expect(bursts.size).toBe(MAX_EVENTS);
    expect(bursts.bursts[0].events[0].data.atMs).toBe(5000);
  });

  test('are read from the stream in whatever pieces it comes', async () => {
    const { eventParser } = await load('stream.js');
    const text = 'event: server\ndata: {"a":1}\n\nid: x-1\nevent: hello\ndata: {"b":"\\n"}\n\nid: x-2\n\n';
    for (const size of [1, 7, 1000]) {
      const heard: unknown[] = [];
      const parse = eventParser((...event: unknown[]) => heard.push(event));
      for (let at = 0; at < text.length; at += size) parse(text.slice(at, at + size));
      expect(heard).toEqual([
        ['server', { a: 1 }, ''],
        ['hello', { b: '\n' }, 'x-1'],
        ['message', undefined, 'x-2'],
      ]);
    }
  });
});
