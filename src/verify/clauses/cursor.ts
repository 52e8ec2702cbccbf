import { readMessage } from '../../protocol/client.js';
import { quoted } from '../peer/peer.js';
import { pause } from '../peer/waiters.js';
import { numbersOf, receivedWords, type Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED } from './clause.js';

/** Skips a clause about cursors that verify chooses. */
function choosing(trial: Trial, why: string): void {
  if (!trial.triggerKind.choosesCursor) trial.skip(why, '--trigger api, or {cursor} in the command');
}

/** As an object, the first cursor message that a client got. */
function firstCursor(texts: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const text = texts.find((one) => readMessage(one).isCursor);
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
}

const MANY_CLIENTS = 5;

/** Fails with the first few of what no client of the run may have got. */
function none(trial: Trial, found: readonly string[]): void {
  trial.did(`looked at what ${trial.ledger.clients} clients got`);
  if (found.length > 0) trial.fail('none', found.slice(0, 5).join('; '));
}

export const CURSOR: readonly Clause[] = [
  {
    id: 'cursor/1',
    level: 'MUST',
    sentence:
      'A cursor comes as a text message: a JSON object with type "cursor" and the cursor as a string.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant);
      await trial.delivered(tenant, [peer]);
      const { cursor } = firstCursor(peer.texts) ?? {};
      if (typeof cursor !== 'string' || !/^\d+$/.test(cursor))
        trial.fail('the cursor as a string of digits', receivedWords(peer));
    },
  },
  {
    id: 'cursor/2',
    level: 'MUST',
    sentence: 'The cursor is the one that was emitted, character for character.',
    source: DATAFN,
    async check(trial) {
      choosing(trial, 'the cursor that is sent is not known');
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant);
      const { cursor } = await trial.cause(tenant);
      const hasIt = () =>
        peer.texts.map(readMessage).some((message) => message.isCursor && message.text === cursor);
      if (!(await peer.until(hasIt, trial.patienceMs)))
        trial.fail(`the cursor "${cursor}"`, receivedWords(peer));
    },
  },
  {
    id: 'cursor/3',
    level: 'MUST',
    sentence: 'Every client of the namespace gets the cursor.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const length = Math.min(MANY_CLIENTS, trial.target.limits.namespace ?? MANY_CLIENTS);
      const peers = await Promise.all(Array.from({ length }, () => trial.admitted(tenant)));
      await trial.delivered(tenant, peers, 'each client');
    },
  },
  {
    id: 'cursor/4',
    level: 'MUST',
    sentence: 'No client of another namespace gets the cursor.',
    source: DATAFN,
    async check(trial) {
      const [own, other] = trial.tenants();
      const member = await trial.admitted(own, { name: 'a client of namespace A' });
      const stranger = await trial.admitted(other, { name: 'a client of namespace B' });
      const before = stranger.texts.length;
      const caused = await trial.delivered(own, [member], 'the client of A');
      // The cursor of B comes after that of A could have.
      await trial.delivered(other, [stranger], 'the client of B');
      const isLeaked = trial.target.trigger?.choosesCursor
        ? trial.hasGot(stranger, caused)
        : trial.target.tenants.areOwn && numbersOf(stranger.texts.slice(before)).length > 1;
      if (isLeaked) trial.fail('only the cursor of B to reach the client of B', stranger.texts.join(' '));
    },
  },
  {
    id: 'cursor/5',
    level: 'SHOULD',
    sentence: 'Cursors arrive in the order in which they were emitted.',
    source: OBSERVED,
    async check(trial) {
      choosing(trial, 'the order of the cursors is not known');
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant);
      for (let count = 0; count < 30; count++) await trial.cause(tenant);
      await trial.delivered(tenant, [peer]);
      const numbers = numbersOf(peer.texts);
      const at = numbers.findIndex((number, index) => index > 0 && number < (numbers[index - 1] as number));
      if (at > 0) trial.fail('increasing cursors', `${numbers[at - 1]}, then ${numbers[at]}`);
    },
  },
  {
    id: 'cursor/6',
    level: 'MUST',
    sentence: 'A client that pushes gets the cursor of its push, or a higher one.',
    source: DATAFN,
    async check(trial) {
      if (trial.triggerKind.name !== 'push') trial.skip('cursors are not caused by a push', '--trigger push');
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant, { name: 'the client that pushes' });
      await trial.delivered(tenant, [peer], 'the client that pushes');
    },
  },
  {
    id: 'cursor/7',
    level: 'MUST',
    sentence: 'Two thousand cursors, each sent when the one before has arrived, all arrive.',
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      if (trial.triggerKind.name !== 'api')
        trial.skip('other ways are too slow for thousands', '--trigger api');
      const tenant = trial.tenant();
      const peers = [await trial.admitted(tenant), await trial.admitted(tenant)];
      for (let count = 0; count < 2100; count++) {
        trial.steps.length = 0;
        trial.did(`connected two clients, emitted ${count} cursors one by one`);
        await trial.delivered(tenant, peers, 'each client');
      }
    },
  },
  {
    id: 'cursor/8',
    level: 'MUST',
    sentence: 'A cursor of more than 32 bits keeps all its digits.',
    source: DATAFN,
    async check(trial) {
      choosing(trial, 'the cursor that is sent is not known');
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant);
      const { cursor = '' } = await trial.delivered(tenant, [peer]);
      const last = peer.texts.find((text) => text.includes(cursor));
      if (last === undefined) trial.fail(`${cursor}`, receivedWords(peer));
    },
  },
  {
    id: 'cursor/9',
    level: 'MUST',
    sentence: 'A namespace that every client has left gets cursors again when one comes back.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const first = await trial.admitted(tenant, { name: 'the first client' });
      await first.leave(trial.patienceMs);
      trial.did('closed it');
      const second = await trial.admitted(tenant, { name: 'the next client' });
      await trial.delivered(tenant, [second], 'the next client');
    },
  },
  {
    id: 'cursor/10',
    level: 'SHOULD',
    sentence: 'Of cursors sent every 20 ms for 5 s, 95% arrive within 120 ms.',
    source: OBSERVED,
    lane: 'alone',
    isTimed: true,
    async check(trial) {
      if (trial.triggerKind.name !== 'api') trial.skip('other ways are too slow', '--trigger api');
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant);
      const latencies: number[] = [];
      const startMs = performance.now();
      for (let count = 0; count < 250; count++) {
        // From when it was due: a server that holds one up makes the next ones late as well.
        const dueMs = startMs + count * 20;
        await pause(Math.max(0, dueMs - performance.now()));
        const caused = await trial.cause(tenant);
        if (!(await peer.until(() => trial.hasGot(peer, caused, -5), trial.patienceMs)))
          trial.fail(`cursor ${caused.cursor}`, receivedWords(peer));
        latencies.push(performance.now() - dueMs);
      }
      trial.steps.length = 0;
      trial.did(`emitted ${latencies.length} cursors, one every 20 ms`);
      const late = latencies.filter((ms) => ms > 120).length;
      if (late > latencies.length * 0.05)
        trial.fail(
          'at most 5% of them to take more than 120 ms',
          `${late} of ${latencies.length}, the slowest ${Math.round(Math.max(...latencies))} ms`,
        );
    },
  },
  {
    id: 'cursor/11',
    level: 'MUST',
    sentence: 'A client that does not read delays no other client.',
    source: OBSERVED,
    lane: 'alone',
    isTimed: true,
    async check(trial) {
      if (trial.triggerKind.name !== 'api') trial.skip('other ways are too slow', '--trigger api');
      const [slow, other] = trial.tenants();
      const paused = await trial.admitted(slow, { name: 'a client', isUnrecorded: true });
      const reader = await trial.admitted(other, { name: 'a client of another namespace' });
      paused.pause();
      trial.did('stopped reading on the first, and emitted thousands of cursors to it');
      // A server may close the one that does not read, and the other would get everything then: it has to come before.
      const limitMs = Math.max(500, trial.patienceMs / 4);
      const steps = trial.steps.length;
      await trial.flood(slow, async () => {
        const startMs = performance.now();
        await trial.delivered(other, [reader], 'the client of the other namespace');
        const tookMs = performance.now() - startMs;
        // Each of these cursors is the same step.
        trial.steps.length = steps;
        if (tookMs > limitMs)
          trial.fail(
            `the client of the other namespace to get its cursor within ${limitMs} ms`,
            `it after ${Math.round(tookMs)} ms`,
          );
      });
    },
  },
  {
    id: 'cursor/12',
    level: 'MUST',
    sentence: 'No client of the whole run got a cursor of another namespace.',
    source: DATAFN,
    lane: 'after',
    check(trial) {
      choosing(trial, 'cursors do not tell their namespaces apart');
      none(trial, trial.ledger.leaks());
    },
  },
  {
    id: 'cursor/13',
    level: 'MUST',
    sentence: 'No client of the whole run got a cursor more often than it was emitted.',
    source: DATAFN,
    lane: 'after',
    check(trial) {
      choosing(trial, 'cursors are not told apart');
      none(trial, trial.ledger.duplicates());
    },
  },
  {
    id: 'cursor/14',
    level: 'SHOULD',
    sentence: 'Clients get nothing but cursors.',
    source: OBSERVED,
    lane: 'after',
    check(trial) {
      none(
        trial,
        [...trial.ledger.otherMessages].map(([kind, text]) => `${kind}: ${quoted(text)}`),
      );
    },
  },
];
