import { afterEach, describe, expect, test } from 'vitest';
import { BackendCaller } from '../../support/backend-call.js';
import { disposeLive, openClient } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';
import { cursorsOf, type FaultyServer, startFaultyServer } from './faulty-server.js';

afterEach(disposeLive);

const numbers = (texts: readonly string[]) => cursorsOf(texts).map(Number);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const struck = (live: FaultyServer, fault: string) =>
  live.events.of('fault').filter((event) => event.fault === fault).length;

/** The frames that are complete in what a server has sent, none of them longer than 125 bytes. */
function framesOf(bytes: Buffer): { readonly first: number; readonly payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at + 1 < bytes.length; ) {
    const end = at + 2 + bytes.readUInt8(at + 1);
    if (end > bytes.length) break;
    frames.push({ first: bytes.readUInt8(at), payload: bytes.subarray(at + 2, end) });
    at = end;
  }
  return frames;
}

/** What a client has when the faults are cleared and one more cursor, for which nothing goes wrong, has come. */
async function heard(live: FaultyServer, client: RawClient, namespace: string): Promise<number[]> {
  live.emit(namespace, 'end');
  await client.until(() => client.texts.at(-1)?.includes('"end"') === true, 'the last cursor');
  return numbers(client.texts.slice(0, -1));
}

describe('the preset', () => {
  test('flaky-train has handshakes and cursors come late', async () => {
    const live = await startFaultyServer();
    await live.plan({ preset: 'flaky-train' });
    const startMs = performance.now();
    const client = await openClient(live.wsUrl, 'user:alice');
    expect(performance.now() - startMs).toBeGreaterThan(195);
    const emittedMs = performance.now();
    live.emit('user:alice', 1);
    expect(numbers(await client.received(1))).toEqual([1]);
    expect(performance.now() - emittedMs).toBeGreaterThan(95);
    // The limit of bytes is on the connection, and the tunnel comes later.
    expect((await live.view()).rules.map(({ counts }) => counts.used)).toEqual([1, 1, 1, 0]);
  });

  test('bad-wifi loses cursors, repeats some, and resets connections', async () => {
    const live = await startFaultyServer();
    let lost = 0;
    let repeated = 0;
    let resets = 0;
    for (let seed = 1; seed <= 8; seed++) {
      await live.clear();
      const client = await openClient(live.wsUrl, 'user:alice');
      await live.plan({ preset: 'bad-wifi', seed });
      const before = struck(live, 'reset');
      live.emit('user:alice', ...upTo(25));
      if (struck(live, 'reset') > before) {
        await client.gone();
        expect(client.closeFrame).toBe(undefined);
        resets += 1;
        continue;
      }
      await live.clear();
      const got = await heard(live, client, 'user:alice');
      expect(got).toEqual([...got].sort((a, b) => a - b));
      const distinct = new Set(got).size;
      lost += 25 - distinct;
      repeated += got.length - distinct;
      await client.destroy();
    }
    expect(Math.min(lost, repeated, resets)).toBeGreaterThan(0);
  });

  test('silent-nat has a connection carry nothing any more, pongs included, and look open', async () => {
    const live = await startFaultyServer({ heartbeatIntervalMs: 20, heartbeatTimeoutMs: 10_000 });
    const client = await openClient(live.wsUrl, 'user:alice');
    await live.plan({ preset: 'silent-nat' });
    live.emit('user:alice', ...upTo(9));
    expect(numbers(await client.received(9))).toEqual(upTo(9));
    live.emit('user:alice', 10, 11);
    const frames = client.opcodes.length;
    client.sendFrame(0x9);
    // Heartbeats go on for another client meanwhile.
    const bob = await openClient(live.wsUrl, 'user:bob');
    await bob.until(() => bob.opcodes.filter((opcode) => opcode === 0x9).length > 3, 'pings');
    expect(client.isOpen).toBe(true);
    expect(client.opcodes.slice(frames).filter((opcode) => opcode !== 0x9)).toEqual([]);
    expect(numbers(client.texts)).toEqual(upTo(9));
    expect(live.server.stats().connections).toBe(2);
    await live.clear();
    await client.gone();
  });

  test('strange-proxy sends fragments byte by byte, with more fields, and no pings', async () => {
    const live = await startFaultyServer({ heartbeatIntervalMs: 10, heartbeatTimeoutMs: 10 });
    await live.plan({ preset: 'strange-proxy' });
    const client = await openClient(live.wsUrl, 'user:alice', { readsFrames: false });
    live.emit('user:alice', 1);
    const frames = () => framesOf(Buffer.concat(client.chunks));
    await client.until(() => frames().at(-1)?.first === 0x80, 'the last fragment');
    // Text, a continuation, and the last one. The server has had pings to send meanwhile.
    await live.events.until('fault', struck(live, 'no-pings') + 20);
    expect(struck(live, 'no-pings')).toBeGreaterThan(0);
    expect(frames().map(({ first }) => first)).toEqual([0x01, 0x00, 0x80]);
    const text = frames().map(({ payload }) => payload.toString());
    expect(JSON.parse(text.join(''))).toEqual({
      targeting: { mode: 'namespace-broadcast', degraded: false },
      type: 'cursor',
      cursor: '1',
    });
    // The kernel may put a few bytes together that the client has not read yet.
    expect(client.chunks.length).toBeGreaterThan(20);
    expect(client.ended).toBe(undefined);
  });

  test('out-of-order sends cursors in another order, twice and too low, and loses the last of a burst', async () => {
    const live = await startFaultyServer();
    const names = upTo(15).map((index) => `user:${index}`);
    const clients = await Promise.all(names.map((name) => openClient(live.wsUrl, name)));
    await live.plan({ preset: 'out-of-order' });
    for (const name of names) live.emit(name, ...upTo(10));
    const { rules } = await live.view();
    expect(rules.map(({ fault }) => fault)).toEqual(['drop-last', 'lower', 'duplicate', 'reorder']);
    // A burst has ended for each client.
    const ends = async () => (await live.view()).rules[0]?.counts.seen === names.length;
    await expect.poll(ends).toBe(true);
    await live.clear();
    const all = await Promise.all(clients.map((client, at) => heard(live, client, names[at] as string)));
    const messages = all.reduce((sum, got) => sum + got.length, 0);
    expect(messages).toBe(10 * names.length - struck(live, 'drop-last') + struck(live, 'duplicate'));
    const lost = all.filter((got) => !got.includes(10));
    expect(lost.length).toBeGreaterThanOrEqual(struck(live, 'drop-last'));
    expect(struck(live, 'drop-last')).toBeGreaterThan(0);
    expect(lost.length).toBeLessThan(names.length);
    expect(all.filter((got) => got.some((cursor, at) => cursor < (got[at - 1] ?? 0))).length).toBeGreaterThan(
      10,
    );
    expect(all.filter((got) => new Set(got).size < got.length).length).toBeGreaterThan(3);
    for (const fault of ['lower', 'duplicate', 'reorder'])
      expect(struck(live, fault), fault).toBeGreaterThan(0);
  });

  test('bad-backend has pulls lag, loses answers of pushes that are applied, and fails some requests', async () => {
    const live = await startFaultyServer();
    const alice = new BackendCaller(live.apiUrl);
    await live.plan({ preset: 'bad-backend' });
    const outcomes = new Map<string, string[]>();
    for (const index of upTo(60)) {
      const id = `row-${index}`;
      const outcome = await alice.push(alice.mutation('insert', id, { record: {} })).then(
        ({ status, text }) => `${status}${text === '' ? ' empty' : ''}`,
        ({ code }) => code as string,
      );
      outcomes.set(outcome, [...(outcomes.get(outcome) ?? []), id]);
    }
    expect([...outcomes.keys()].sort()).toEqual(['200', '200 empty', '409', '500', 'ECONNRESET']);
    const pulls = [];
    for (const _ of upTo(30))
      pulls.push(await alice.post('pull', { clientId: 'tab-a', cursors: { task: '0' } }));
    await live.clear();
    const rows = ((await alice.clones(['task'])).data.task as { id: string }[]).map(({ id }) => id);
    const applied = [...(outcomes.get('200') ?? []), ...(outcomes.get('ECONNRESET') ?? [])];
    expect([...rows].sort()).toEqual(applied.sort());
    const sizes = pulls
      .filter(({ status, text }) => status === 200 && text !== '')
      .map(({ json }) => json.result.records.task.length);
    expect(new Set(sizes)).toEqual(new Set([0, rows.length]));
  });
});
