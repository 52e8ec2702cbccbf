import { afterEach, describe, expect, test } from 'vitest';
import { FAULT_PRESET_NAMES } from '../../../src/options/fault-presets.js';
import { createDatafnWsServer } from '../../../src/server/create-server.js';
import { FAULT_NAMES } from '../../../src/server/faults/kinds.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import { callFaults, cursorsOf, startFaultyServer } from './faulty-server.js';

afterEach(disposeLive);

describe('/v1/faults', () => {
  test('answers no rules at first, and lists every fault and preset with its settings', async () => {
    const { apiUrl } = await startServer();
    const { status, body } = await callFaults(apiUrl, 'GET');
    expect(status).toBe(200);
    expect(body).toMatchObject({ seed: 1, rules: [], isActive: false });
    expect((body.faults as { fault: string }[]).map(({ fault }) => fault)).toEqual(FAULT_NAMES);
    expect((body.faults as unknown[]).at(FAULT_NAMES.indexOf('delay'))).toEqual({
      fault: 'delay',
      stage: 'cursor',
      help: 'Sends a cursor late. Later ones wait for it, as on a slow network.',
      per: 'cursor of a client',
      settings: [
        {
          name: 'delayMs',
          expected: expect.stringContaining('milliseconds'),
          help: 'How late.',
          isRequired: true,
        },
        expect.objectContaining({ name: 'jitterMs', default: 0, isRequired: false }),
      ],
    });
    expect(Object.keys(body.presets as object)).toEqual(FAULT_PRESET_NAMES);
  });

  test('PUT replaces all rules, GET shows them with their counts, and what GET shows can be put again', async () => {
    const live = await startFaultyServer();
    const alice = await openClient(live.wsUrl, 'user:alice');
    await live.faults({ fault: 'junk' });
    const rule = { match: { namespace: 'user:alice' }, fault: 'drop', next: 1 } as const;
    await live.plan({ seed: 5, rules: [rule] });
    live.emit('user:alice', 1, 2);
    expect(cursorsOf(await alice.received(1))).toEqual(['2']);
    const shown = await live.view();
    expect(shown).toMatchObject({
      seed: 5,
      rules: [{ ...rule, counts: { seen: 1, used: 1, isOver: true } }],
      isActive: false,
    });
    const again = await live.plan({ seed: shown.seed, rules: shown.rules });
    expect(again.rules).toEqual([{ ...rule, counts: { seen: 0, used: 0, isOver: false } }]);
    expect(again.isActive).toBe(true);
  });

  test('each use is an event and is counted in /v1/stats', async () => {
    const live = await startFaultyServer();
    await openClient(live.wsUrl, 'user:alice');
    expect((await call('GET', `${live.apiUrl}/v1/stats`)).json.faults).toEqual({});
    await live.faults({ fault: 'drop', next: 2 }, { fault: 'duplicate' });
    live.emit('user:alice', 1, 2, 3);
    await live.clear();
    expect((await call('GET', `${live.apiUrl}/v1/stats`)).json.faults).toEqual({ drop: 2, duplicate: 1 });
    expect(live.events.of('fault').map(({ fault, connection }) => [fault, connection?.namespace])).toEqual([
      ['drop', 'user:alice'],
      ['drop', 'user:alice'],
      ['duplicate', 'user:alice'],
    ]);
    expect(live.events.of('faultsSet').map(({ faults }) => faults)).toEqual([['drop', 'duplicate'], []]);
  });

  test('a preset is put by its name, for one namespace', async () => {
    const live = await startFaultyServer();
    const { rules } = await live.plan({ preset: 'bad-wifi', match: { namespace: 'user:alice' } });
    expect(rules.map(({ fault }) => fault)).toEqual(['drop', 'duplicate', 'delay', 'reset']);
    for (const { match } of rules) expect(match).toEqual({ namespace: 'user:alice' });
  });

  test.each(FAULT_PRESET_NAMES)('the preset %s is a valid plan', async (preset) => {
    const live = await startFaultyServer();
    const { rules } = await live.plan({ preset });
    expect(rules.length).toBeGreaterThan(0);
  });

  const WRONG: [body: unknown, field: string, detail: string][] = [
    [
      { rules: [{ fault: 'dorp' }] },
      'rules[0].fault',
      'Expected `rules[0].fault` to be the name of a fault, got "dorp". Did you mean `drop`?',
    ],
    [
      { rules: [{ fault: 'drop' }, { fault: 'delay' }] },
      'rules[1].delayMs',
      'Expected `rules[1].delayMs` to be a number of milliseconds from 0 to 2147483647, got nothing',
    ],
    [
      { rules: [{ fault: 'delay', delay: 5 }] },
      'rules[0].delay',
      'Unknown "delay" in the settings of `delay`. Did you mean `delayMs`?',
    ],
    [
      { rules: [{ fault: 'drop', probability: 2 }] },
      'rules[0].probability',
      'Expected `rules[0].probability` to be a number from 0 to 1, got 2',
    ],
    [
      { rules: [{ fault: 'drop', next: 0 }] },
      'rules[0].next',
      'Expected `rules[0].next` to be a whole number of at least 1, got 0',
    ],
    [
      { rules: [{ fault: 'refuse' }] },
      'rules[0]',
      'Expected `rules[0]` to have a `status` (before the upgrade) or a `code` (after it), got neither',
    ],
    [
      { rules: [{ fault: 'refuse', status: 503, code: 4503 }] },
      'rules[0]',
      'Expected `rules[0]` to have a `status` (before the upgrade) or a `code` (after it), got both',
    ],
    [
      { rules: [{ fault: 'close', code: 1006 }] },
      'rules[0].code',
      'Expected `rules[0].code` to be a close code that may be sent, such as 1013 or 4503, got 1006',
    ],
    [
      { rules: [{ fault: 'close', on: 'open', match: { clientId: 'a' } }] },
      'rules[0].match.clientId',
      'Expected `rules[0].match` without `clientId`: a client says who it is after it has been admitted, on its WebSocket; with "on": "hello" it is known',
    ],
    [
      { rules: [{ fault: 'offline', everyMs: 10, downMs: 10 }] },
      'rules[0].downMs',
      'Expected `rules[0].downMs` to be less than `everyMs`, got 10',
    ],
    [
      { rules: [{ fault: 'drop', match: { namspace: 'a' } }] },
      'rules[0].match.namspace',
      'Unknown "namspace" in a match. Did you mean `namespace`?',
    ],
    [
      { rules: [{ fault: 'drop', match: { namespace: '' } }] },
      'rules[0].match.namespace',
      'Expected `rules[0].match.namespace` to be a non-empty string, got an empty one',
    ],
    [{ rule: [] }, 'rule', 'Unknown "rule" in the faults. Did you mean `rules`?'],
    [{ rules: {} }, 'rules', 'Expected `rules` to be an array, got an object'],
    [{}, 'rules', 'Expected `rules` to be an array, got nothing'],
    [{ rules: [], seed: -1 }, 'seed', 'Expected `seed` to be a whole number of at least 0, got -1'],
    [
      { preset: 'flaky-trian' },
      'preset',
      'Expected `preset` to be the name of a preset, got "flaky-trian". Did you mean `flaky-train`?',
    ],
    [{ preset: 'deploy', rules: [] }, 'preset', 'Expected `rules` or `preset`, got both'],
    [[], 'body', 'Expected the body to be one object'],
  ];

  test.each(WRONG)('refuses %j, names %s, and keeps the rules it has', async (body, field, detail) => {
    const live = await startFaultyServer();
    await live.faults({ fault: 'drop' });
    const answer = await callFaults(live.apiUrl, 'PUT', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ field, detail, fix: expect.stringContaining('"fault":"drop"') });
    expect((await live.view()).rules.map(({ fault }) => fault)).toEqual(['drop']);
  });
});

describe('who has faults', () => {
  const auth = { namespaceProvider: () => 'user:alice' };

  test('a server with a provider of its own has none, and says what to do', async () => {
    const { apiUrl } = await startServer(auth);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const { status, body } = await callFaults(apiUrl, method, method === 'PUT' ? { rules: [] } : undefined);
      expect(status).toBe(404);
      expect(body).toMatchObject({
        detail: 'Faults are not enabled on this server',
        fix: expect.stringContaining('--enable-faults'),
      });
    }
  });

  test('with enableFaults it has, for who may call the API', async () => {
    const { apiUrl } = await startServer({ ...auth, enableFaults: true, adminToken: 'a'.repeat(16) });
    expect((await callFaults(apiUrl, 'GET')).status).toBe(401);
    const headers = { authorization: `Bearer ${'a'.repeat(16)}` };
    expect((await call('GET', `${apiUrl}/v1/faults`, { headers })).status).toBe(200);
  });

  test('a preset is in force before the first client comes', async () => {
    const { apiUrl } = await startServer({ ...auth, faults: 'deploy' });
    expect((await callFaults(apiUrl, 'GET')).body.rules).toMatchObject([{ fault: 'restart' }]);
  });

  test('a preset that does not exist is refused at once, with the nearest name', () => {
    expect(() => createDatafnWsServer({ faults: 'deploi' as 'deploy' })).toThrow(
      'Expected `faults` to be flaky-train',
    );
  });
});
