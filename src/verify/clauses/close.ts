import { OPCODE } from '../../protocol/frames.js';
import { closePayload } from '../peer/frames.js';
import type { Peer } from '../peer/peer.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED, rfc6455 } from './clause.js';

/** A client closes with a payload; resolves when the server has answered and ended the connection. */
async function closes(trial: Trial, payload: Buffer, words: string): Promise<Peer> {
  const peer = await trial.admitted(trial.tenant());
  peer.frame(OPCODE.close, payload);
  trial.did(`sent a close frame ${words}`);
  const expected = 'a close frame in answer';
  await trial.closed(peer, expected);
  if (peer.closeFrame === undefined) trial.fail(expected, peer.state);
  return peer;
}

export const CLOSE_CLAUSES: readonly Clause[] = [
  {
    id: 'close/1',
    level: 'MUST',
    sentence: 'A close frame is answered with one, and the server ends the connection.',
    source: rfc6455('5.5.1'),
    async check(trial) {
      const peer = await closes(trial, closePayload(1000, 'bye'), 'with 1000 "bye"');
      if (!(await peer.until(() => peer.ended !== undefined, trial.patienceMs)))
        trial.fail('the end of the connection', 'an open connection');
    },
  },
  {
    id: 'close/2',
    level: 'SHOULD',
    sentence: 'The answer to a close frame has its code.',
    source: rfc6455('5.5.1'),
    async check(trial) {
      const peer = await closes(trial, closePayload(3999), 'with 3999');
      if (peer.closeFrame?.code !== 3999) trial.fail('a close frame with 3999', peer.state);
    },
  },
  {
    id: 'close/3',
    level: 'MUST',
    sentence: 'A close frame without a code is answered.',
    source: rfc6455('5.5.1'),
    check: async (trial) => void (await closes(trial, Buffer.alloc(0), 'without a code')),
  },
  {
    id: 'close/4',
    level: 'MUST',
    sentence: 'A client that leaves, in good order or not, disturbs no other client of its namespace.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const [polite, rude, stays] = [
        await trial.admitted(tenant, { name: 'a client that closes' }),
        await trial.admitted(tenant, { name: 'a client that resets its connection' }),
        await trial.admitted(tenant, { name: 'a client that stays' }),
      ];
      await polite.leave(trial.patienceMs);
      rude.reset();
      await trial.stillServed(stays, 'other clients left');
      if (trial.target.trigger !== undefined) await trial.delivered(tenant, [stays], 'the client that stays');
    },
  },
  {
    id: 'close/5',
    level: 'MUST',
    sentence: 'At a shutdown every client is closed with 1001.',
    source: DATAFN,
    lane: 'last',
    async check(trial) {
      const { stop } = trial.target;
      if (stop === undefined)
        return trial.skip('there is no way to shut the server down', '--stop-command COMMAND');
      const [own, other] = [trial.tenant(), trial.target.tenants.at(trial.clause.id, 1)];
      const peers = [await trial.admitted(own), await trial.admitted(own)];
      if (other !== undefined) peers.push(await trial.admitted(other));
      // How it ends is up to the command: what counts is what the clients get.
      void stop().catch(() => {});
      trial.did('told the server to shut down');
      for (const peer of peers) {
        await trial.closed(peer, 'a close with 1001', trial.patienceMs * 2);
        if (peer.closeFrame?.code !== 1001) trial.fail('a close with 1001', peer.state);
      }
    },
  },
  {
    id: 'close/6',
    level: 'SHOULD',
    sentence:
      'After a shutdown has begun, clients that come back are refused before the upgrade, so that they wait longer each time.',
    source: OBSERVED,
    lane: 'last',
    async check(trial) {
      const { stop } = trial.target;
      if (stop === undefined)
        return trial.skip('there is no way to shut the server down', '--stop-command COMMAND');
      void stop().catch(() => {});
      trial.did('told the server to shut down');
      const status = await trial.statusOfAnother();
      if (status === 101) trial.fail('no upgrade: HTTP 503, or no connection', 'an upgrade');
    },
  },
];
