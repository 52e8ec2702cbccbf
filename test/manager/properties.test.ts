import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WsManagerConfig } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';
import { ManagerModel, type ModelClient, type ModelFaults } from './manager-model.js';

type Step =
  | { readonly do: 'add'; readonly client: number; readonly namespace: string }
  | { readonly do: 'remove' | 'pong'; readonly client: number }
  | { readonly do: 'set'; readonly client: number; readonly fault: keyof ModelFaults; readonly to: boolean }
  | { readonly do: 'broadcast'; readonly namespace: string }
  | { readonly do: 'tick'; readonly ms: number }
  | { readonly do: 'everybody pongs' | 'close' };

const CLIENTS = 12;
// Each third one cannot be pinged, so that it outlives the heartbeats.
const canPing = (client: number) => client % 3 !== 0;

const clientArb = fc.nat({ max: CLIENTS - 1 });
const namespaceArb = fc.constantFrom('a', 'b', '__proto__');

const stepArb: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      client: clientArb,
      namespace: fc.oneof({ weight: 9, arbitrary: namespaceArb }, { weight: 1, arbitrary: fc.constant('') }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), client: clientArb }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('broadcast' as const), namespace: namespaceArb }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pong' as const), client: clientArb }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'everybody pongs' }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.integer({ min: 0, max: 120 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      client: clientArb,
      fault: fc.constantFrom('send' as const, 'ping' as const, 'close' as const),
      to: fc.boolean(),
    }),
  },
);

const limitArb = (max: number) =>
  fc.oneof(fc.integer({ min: 0, max }), fc.constant(Number.POSITIVE_INFINITY));

const configArb: fc.Arbitrary<Required<WsManagerConfig>> = fc.record({
  maxConnections: limitArb(CLIENTS),
  maxConnectionsPerNamespace: limitArb(5),
  heartbeatIntervalMs: fc.constantFrom(0, 40, 100),
  cursorTargeting: fc.constant(false),
  // Under, equal to and over the interval, and none.
  heartbeatTimeoutMs: fc.constantFrom(0, 30, 100, 250),
});

const programArb = fc.record({
  config: configArb,
  before: fc.array(stepArb, { maxLength: 60 }),
  // What is done after close(); without any of it in most runs.
  after: fc.array(stepArb, { maxLength: 10 }),
});

/** Plays steps on a manager and on its model, side by side. */
class Play {
  readonly clock = new FakeClock();
  readonly manager: WebSocketManager;
  readonly model: ManagerModel;
  readonly fakes: FakeClient[] = [];
  /** The namespace that each cursor went to: every broadcast has a cursor of its own. */
  readonly namespaceOf = new Map<string, string>();

  constructor(config: Required<WsManagerConfig>) {
    const models: ModelClient[] = [];
    for (let client = 0; client < CLIENTS; client++) {
      this.fakes.push(new FakeClient({ withoutPing: !canPing(client) }));
      models.push({
        canPing: canPing(client),
        faults: { send: false, ping: false, close: false },
        namespace: undefined,
        deadlineMs: undefined,
        cursors: [],
        closes: 0,
      });
    }
    this.manager = new WebSocketManager(config, undefined, this.clock);
    this.model = new ManagerModel(config, models);
  }

  step(step: Step): void {
    switch (step.do) {
      case 'add':
        expect(this.manager.addClient(this.fake(step.client), { namespace: step.namespace })).toBe(
          this.model.add(this.modelOf(step.client), step.namespace),
        );
        break;
      case 'remove':
        this.manager.removeClient(this.fake(step.client));
        this.model.remove(this.modelOf(step.client));
        break;
      case 'pong':
        this.pong(step.client);
        break;
      case 'everybody pongs':
        for (let client = 0; client < CLIENTS; client++) this.pong(client);
        break;
      case 'set': {
        const error = step.to ? new Error('broken on purpose') : undefined;
        const fake = this.fake(step.client);
        if (step.fault === 'send') fake.sendError = error;
        else if (step.fault === 'ping') fake.pingError = error;
        else fake.closeError = error;
        this.modelOf(step.client).faults[step.fault] = step.to;
        break;
      }
      case 'broadcast': {
        const cursor = String(this.namespaceOf.size + 1);
        this.namespaceOf.set(cursor, step.namespace);
        expect(this.manager.broadcastCursor(cursor, step.namespace)).toMatchObject(
          this.model.broadcast(cursor, step.namespace),
        );
        break;
      }
      case 'tick':
        this.clock.advance(step.ms);
        this.model.tick(step.ms);
        break;
      case 'close':
        this.manager.close();
        this.model.close();
        break;
    }
  }

  cursorsOf(client: number): string[] {
    return this.fake(client).sent.map((text) => {
      const message: { type: string; cursor: string } = JSON.parse(text);
      expect(text).toBe(`{"type":"cursor","cursor":"${message.cursor}"}`);
      return message.cursor;
    });
  }

  fake(client: number): FakeClient {
    const fake = this.fakes[client];
    if (fake === undefined) throw new RangeError(`There is no client ${client}`);
    return fake;
  }

  modelOf(client: number): ModelClient {
    const model = this.model.clients[client];
    if (model === undefined) throw new RangeError(`There is no client ${client}`);
    return model;
  }

  private pong(client: number): void {
    this.manager.handlePong(this.fake(client));
    this.model.pong(this.modelOf(client));
  }
}

/** Plays a program, closes, plays on; calls `check` after each step. */
function forAllPrograms(check: (play: Play, step: Step) => void): void {
  fc.assert(
    fc.property(programArb, ({ config, before, after }) => {
      const play = new Play(config);
      for (const step of [...before, { do: 'close' } as const, ...after]) {
        play.step(step);
        check(play, step);
      }
    }),
    { numRuns: 400 },
  );
}

test('the counts are those of a simple model after every step, in all, by namespace and by client', () => {
  forAllPrograms(({ manager, model, fakes }) => {
    const live = model.live;
    expect(manager.connectionCount).toBe(live.length);
    const counts = new Map<string, number>();
    for (const { namespace = '' } of live) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
    expect(manager.namespaceCount).toBe(counts.size);
    expect(new Map([...manager.namespaces()].map((entry) => [entry.namespace, entry.connections]))).toEqual(
      counts,
    );
    expect(fakes.map((fake) => manager.describeClient(fake)?.namespace)).toEqual(
      model.clients.map(({ namespace }) => namespace),
    );
  });
});

test('no limit is ever overshot, whatever is added, fails, expires or leaves', () => {
  forAllPrograms(({ manager, model: { config } }) => {
    expect(manager.connectionCount).toBeLessThanOrEqual(config.maxConnections);
    for (const { connections } of manager.namespaces()) {
      expect(connections).toBeGreaterThan(0);
      expect(connections).toBeLessThanOrEqual(config.maxConnectionsPerNamespace);
    }
  });
});

test('no client ever receives the cursor of a namespace that it is not in at that moment', () => {
  const seen = new Map<FakeClient, number>();
  forAllPrograms((play, step) => {
    for (const [client, fake] of play.fakes.entries()) {
      const fresh = play.cursorsOf(client).slice(seen.get(fake) ?? 0);
      seen.set(fake, fake.sent.length);
      if (fresh.length === 0) continue;
      expect(step.do).toBe('broadcast');
      expect(fresh.map((cursor) => play.namespaceOf.get(cursor))).toEqual([
        play.manager.describeClient(fake)?.namespace,
      ]);
    }
  });
});

test('every live client gets each cursor of its namespace exactly once, in order, and a dead one gets none', () => {
  forAllPrograms((play) => {
    for (let client = 0; client < CLIENTS; client++) {
      expect(play.cursorsOf(client)).toEqual(play.modelOf(client).cursors);
    }
  });
});

test('every client is closed exactly as often as it was refused or dropped, with a code and reason of the contract', () => {
  forAllPrograms(({ fakes, model }) => {
    expect(fakes.map(({ closes }) => closes.length)).toEqual(model.clients.map(({ closes }) => closes));
    for (const { closes } of fakes) {
      for (const { code, reason } of closes) {
        expect([
          '1001 Going Away',
          '1001 Heartbeat timeout',
          '1001 Heartbeat ping failed',
          '1001 Broadcast send failed',
          '4401 Unauthorized',
          '4503 Connection limit reached',
          '4503 Namespace connection limit reached',
        ]).toContain(`${code} ${reason}`);
      }
    }
  });
});

test('no timer is pending while there are no clients, nor ever after close()', () => {
  forAllPrograms(({ clock, manager, model }) => {
    if (manager.connectionCount === 0) expect([clock.pendingTimers, clock.pendingImmediates]).toEqual([0, 0]);
    else if (model.config.heartbeatIntervalMs > 0) expect(clock.pendingTimers).toBeGreaterThan(0);
  });
});

test('with every send, ping and close failing, nothing throws and nobody is left', () => {
  fc.assert(
    fc.property(configArb, fc.array(stepArb, { maxLength: 40 }), (config, steps) => {
      const play = new Play({ ...config, heartbeatIntervalMs: 40 });
      for (let client = 0; client < CLIENTS; client++) {
        for (const fault of ['send', 'ping', 'close'] as const) {
          play.step({ do: 'set', client, fault, to: true });
        }
      }
      for (const step of steps) if (step.do !== 'set') play.step(step);
      for (const namespace of ['a', 'b', '__proto__']) play.step({ do: 'broadcast', namespace });
      expect([play.manager.connectionCount, play.clock.pendingTimers]).toEqual([0, 0]);
    }),
  );
});
