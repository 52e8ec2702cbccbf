import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../support/http-call.js';
import { disposeLive, type LiveServer, startServer } from '../support/live-server.js';
import { RawClient, type RawClientOptions } from '../support/raw-client.js';

let live: LiveServer;

beforeAll(async () => {
  live = await startServer({ maxMessageRate: 0 });
});

afterAll(disposeLive);

/** Namespaces that are easily taken for one another, or for something else. Each run has those of one line. */
const ALIKE = [
  ['a', 'A'],
  ['a:b', 'a:b:c', 'a'],
  ['user:1', 'user:10'],
  ['*', 'a'],
  ['__proto__', 'constructor', 'toString'],
  ['undefined', 'null', '0'],
  ['%61', 'a'],
  ['..', '.'],
  ['\u00e9', 'e\u0301'],
];

/** What may happen in a run with these namespaces. */
function commandsWith(names: readonly string[]) {
  const namespace = fc.constantFrom(...names);

  /** A way to send a token, and things beside it that name another namespace and must not count. */
  const connecting = fc.record({
    kind: fc.constant('connect' as const),
    namespace,
    by: fc.constantFrom('query', 'bearer', 'cookie', 'subprotocol'),
    claimed: namespace,
    beside: fc.subarray(['header', 'query', 'cookie', 'subprotocol', 'path', 'origin', 'forwarded'] as const),
  });

  /** What a client says once it is in. */
  const saying = fc.record({
    kind: fc.constant('say' as const),
    client: fc.nat(),
    text: fc.oneof(
      namespace.map((claimed) =>
        JSON.stringify({
          type: 'hello',
          clientId: claimed,
          namespace: claimed,
          authContext: { namespace: claimed },
        }),
      ),
      namespace.map((claimed) => JSON.stringify({ type: 'cursor', cursor: '0', namespace: claimed })),
      namespace.map((claimed) => JSON.stringify({ type: 'subscribe', namespace: claimed })),
      namespace.map((claimed) => `{"type":"hello","__proto__":{"namespace":${JSON.stringify(claimed)}}}`),
      namespace.map((claimed) => `["hello",${JSON.stringify(claimed)}]`),
      namespace,
    ),
  });

  /** A call of the API with new cursors, in one of the forms in which it may say where they go. */
  const emitting = fc.record({
    kind: fc.constant('emit' as const),
    items: fc.array(namespace, { minLength: 1, maxLength: 4 }),
    form: fc.constantFrom(
      'one',
      'array',
      'ndjson',
      'duplicate key',
      'misleading',
      'in a list',
      'one bad',
      'in the query',
    ),
    other: namespace,
  });

  const leaving = fc.record({ kind: fc.constant('leave' as const), client: fc.nat() });

  const command = fc.oneof(
    { arbitrary: connecting, weight: 4 },
    { arbitrary: saying, weight: 4 },
    { arbitrary: emitting, weight: 5 },
    { arbitrary: leaving, weight: 1 },
  );
  return fc.array(command, { minLength: 5, maxLength: 30 });
}

type Command = ReturnType<typeof commandsWith> extends fc.Arbitrary<(infer Value)[]> ? Value : never;

/** A client, and what it ought to have heard. */
interface Member {
  readonly client: RawClient;
  readonly namespace: string;
  readonly owed: string[];
}

/** Every cursor of all runs is another one, so that one that comes to the wrong place is known. */
let lastCursor = 0;

class World {
  readonly members: Member[] = [];

  async obey(command: Command): Promise<void> {
    switch (command.kind) {
      case 'connect':
        await this.#connect(command);
        break;
      case 'say':
        this.#pick(command.client)?.client.say(command.text);
        break;
      case 'emit':
        await this.#emit(command);
        break;
      default: {
        const member = this.#pick(command.client);
        if (member === undefined) return;
        this.members.splice(this.members.indexOf(member), 1);
        await member.client.destroy();
        await this.#stats(({ connections }) => connections === this.members.length);
      }
    }
  }

  /** Everybody has what was owed, in that order, and nothing else. */
  async check(): Promise<void> {
    for (const { client, namespace, owed } of this.members) {
      await client.received(owed.length);
      await client.roundTrip();
      expect(client.texts, `what a client of ${namespace} got`).toEqual(owed);
      expect(client.isOpen).toBe(true);
    }
    const there = Object.fromEntries(
      (await call('GET', `${live.apiUrl}/v1/namespaces`)).json.namespaces.map(
        (one: { namespace: string; connections: number }) => [`of ${one.namespace}`, one.connections],
      ),
    );
    const expected: Record<string, number> = {};
    for (const { namespace } of this.members)
      expected[`of ${namespace}`] = (expected[`of ${namespace}`] ?? 0) + 1;
    expect(there).toEqual(expected);
  }

  async end(): Promise<void> {
    await Promise.all(this.members.map(({ client }) => client.destroy()));
    await this.#stats(({ connections, sockets }) => connections === 0 && sockets === 0);
  }

  #pick(index: number): Member | undefined {
    return this.members[index % Math.max(1, this.members.length)];
  }

  async #stats(isMet: (stats: ReturnType<LiveServer['server']['stats']>) => boolean): Promise<void> {
    for (let attempt = 0; attempt < 500 && !isMet(live.server.stats()); attempt++)
      await call('GET', `${live.apiUrl}/healthz`);
    expect(isMet(live.server.stats())).toBe(true);
  }

  async #connect({
    namespace: own,
    by,
    claimed,
    beside,
  }: Extract<Command, { kind: 'connect' }>): Promise<void> {
    const has = (what: (typeof beside)[number]) => beside.includes(what);
    // What a header cannot carry, or not as it is, comes by the query.
    const way = /^[\x21-\x7e]+$/.test(own) && !own.includes('%') ? by : 'query';
    const encoded = `datafn.bearer.${Buffer.from(own).toString('base64url')}`;
    const ascii = encodeURIComponent(claimed);
    const query = new URLSearchParams(way === 'query' ? { token: own } : {});
    if (has('query')) query.append('namespace', claimed);
    const cookies = [
      ...(way === 'cookie' ? [`datafn_token=${own}`] : []),
      ...(has('cookie') ? [`namespace=${ascii}`, `datafn_namespace=${ascii}`] : []),
    ];
    const protocols = [
      ...(has('subprotocol') ? [`datafn.namespace.${Buffer.from(claimed).toString('base64url')}`] : []),
      ...(way === 'subprotocol' ? [encoded] : []),
    ];
    const headers: RawClientOptions['headers'] = {
      ...(way === 'bearer' ? { Authorization: `Bearer ${own}` } : {}),
      ...(cookies.length === 0 ? {} : { Cookie: cookies.join('; ') }),
      ...(protocols.length === 0 ? {} : { 'Sec-WebSocket-Protocol': protocols.join(', ') }),
      ...(has('header') ? { Namespace: ascii, 'X-Namespace': ascii, 'X-Datafn-Namespace': ascii } : {}),
      ...(has('origin') ? { Origin: 'http://localhost' } : {}),
      ...(has('forwarded') ? { 'X-Forwarded-For': ascii, Forwarded: `for=${ascii}` } : {}),
    };
    const path = has('path') ? `${live.wsUrl}?x=/datafn/ws/${ascii}&` : `${live.wsUrl}?`;
    const client = await RawClient.open(`${path}${query}`, { headers });
    this.members.push({ client, namespace: own, owed: [] });
    await client.roundTrip();
  }

  async #emit({ items, form, other }: Extract<Command, { kind: 'emit' }>): Promise<void> {
    const [first = 'a'] = items;
    const cursors = items.map(() => String(++lastCursor));
    const list = items.map((one, index) => ({ namespace: one, cursor: cursors[index] }));
    const text = (value: unknown) => JSON.stringify(value);
    const [name, cursor] = [text(first), text(cursors[0])];
    const [body, goesTo]: [string, typeof list] = {
      one: [text(list[0]), list.slice(0, 1)],
      array: [text(list), list],
      ndjson: [list.map(text).join('\n'), list],
      // The last one counts, as in every JSON parser of note.
      'duplicate key': [
        `{"namespace":${text(other)},"cursor":${cursor},"namespace":${name}}`,
        list.slice(0, 1),
      ],
      misleading: [
        `{"namespaces":[${text(other)}],"to":${text(other)},"namespace":${name},"cursor":${cursor},"__proto__":{"namespace":${text(other)}}}`,
        list.slice(0, 1),
      ],
      'in a list': [`{"namespace":[${name},${text(other)}],"cursor":${cursor}}`, []],
      'one bad': [text([...list, { namespace: '', cursor: '1' }]), []],
      'in the query': [`{"cursor":${cursor}}`, []],
    }[form] as [string, typeof list];
    const inQuery = form === 'in the query' ? `?namespace=${encodeURIComponent(other)}` : '';
    const { status, json } = await call('POST', `${live.apiUrl}/v1/cursors${inQuery}`, {
      headers: { 'content-type': form === 'ndjson' ? 'application/x-ndjson' : 'application/json' },
      body,
    });
    expect(status, body).toBe(goesTo.length === 0 ? 400 : 200);
    for (const [index, item] of goesTo.entries()) {
      const hearers = this.members.filter((member) => member.namespace === item.namespace);
      for (const { owed } of hearers) owed.push(`{"type":"cursor","cursor":"${item.cursor}"}`);
      expect(json.results[index]).toEqual({ ...item, delivered: hearers.length });
    }
  }
}

test('no sequence of connections, messages and API calls moves a client to another namespace, or a cursor out of its own', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...ALIKE).chain(commandsWith), async (commands) => {
      const world = new World();
      try {
        for (const one of commands) await world.obey(one);
        await world.check();
      } finally {
        await world.end();
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
  );
}, 60_000);
