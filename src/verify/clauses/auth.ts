import type { Peer } from '../peer/peer.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED } from './clause.js';

/** HTTP statuses and close codes that say who somebody is does not suffice. */
const REFUSALS = new Set([401, 403, 4401, 4403]);

/** A client that is not let in is told so, before the upgrade or after it. */
async function refused(trial: Trial, peer: Peer): Promise<void> {
  const expected = 'a close with 4401, or HTTP 401 or 403 in place of the upgrade';
  if (peer.status === 101) await trial.closed(peer, expected);
  const code = peer.status === 101 ? peer.closeFrame?.code : peer.status;
  if (code === undefined || !REFUSALS.has(code)) trial.fail(expected, peer.state);
}

export const AUTH: readonly Clause[] = [
  {
    id: 'auth/1',
    level: 'MUST',
    sentence: 'A client without a token is refused.',
    source: DATAFN,
    async check(trial) {
      await refused(trial, await trial.connect());
    },
  },
  {
    id: 'auth/2',
    level: 'MUST',
    sentence: 'A client with a bad token is refused.',
    source: DATAFN,
    async check(trial) {
      const { bad: token } = trial.target.tenants;
      await refused(trial, await trial.connect({ token, name: 'a client with a bad token' }));
    },
  },
  {
    id: 'auth/3',
    level: 'MUST',
    sentence: 'A client with an expired token is refused.',
    source: DATAFN,
    async check(trial) {
      const { expired: token } = trial.target.tenants;
      if (token === undefined)
        trial.skip('there is no token that has expired', '--expired-token TOKEN or --jwt-secret SECRET');
      await refused(trial, await trial.connect({ token, name: 'a client with an expired token' }));
    },
  },
  {
    id: 'auth/4',
    level: 'SHOULD',
    sentence: 'The refusal of a client is a close with 4401 "Unauthorized" after the upgrade.',
    source: DATAFN,
    async check(trial) {
      const peer = await trial.connect();
      if (peer.status === 101) await trial.closed(peer, 'a close with 4401 "Unauthorized"');
      const { code, reason } = peer.closeFrame ?? {};
      if (code !== 4401 || reason !== 'Unauthorized')
        trial.fail('a close with 4401 "Unauthorized"', peer.state);
    },
  },
  {
    id: 'auth/5',
    level: 'MUST',
    sentence: 'A client with a valid token is admitted.',
    source: DATAFN,
    async check(trial) {
      await trial.admitted(trial.tenant());
    },
  },
  {
    id: 'auth/6',
    level: 'MUST',
    sentence: 'A client that is refused gets no cursor.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const stranger = await trial.connect({
        token: trial.target.tenants.bad,
        name: 'a client with a bad token',
      });
      const member = await trial.admitted(tenant, { name: 'a client with a valid token' });
      await trial.delivered(tenant, [member]);
      if (stranger.texts.length > 0)
        trial.fail('nothing to reach the refused client', stranger.texts.join(' '));
    },
  },
  {
    id: 'auth/7',
    level: 'SHOULD',
    sentence: 'A token is not repeated in the answer to the handshake.',
    source: OBSERVED,
    async check(trial) {
      const { token } = trial.tenant();
      const peer = await trial.connect({ tenant: trial.tenant() });
      if (peer.head.includes(token)) trial.fail('an answer without the token', peer.head);
    },
  },
];
