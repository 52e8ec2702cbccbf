import { SECRET_SUBPROTOCOL_PREFIXES, SYNC_SUBPROTOCOL } from '../../protocol/upgrade.js';
import { headerOf } from '../peer/handshake.js';
import type { Peer } from '../peer/peer.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED, rfc6455 } from './clause.js';

const PROTOCOL = 'Sec-WebSocket-Protocol';

/** A handshake that must not lead to an upgrade. */
async function notUpgraded(
  trial: Trial,
  words: string,
  options: Parameters<Trial['connect']>[0],
): Promise<Peer> {
  const peer = await trial.connect({ ...options, tenant: trial.tenant() });
  trial.did(words);
  if (peer.status === 101) trial.fail('an HTTP error in place of the upgrade', '101 Switching Protocols');
  return peer;
}

/** A handshake that offers subprotocols: the one that the server chose. */
async function chosen(trial: Trial, ...subprotocols: readonly string[]): Promise<string | undefined> {
  const upgrade = {
    ...trial.target.upgrade,
    subprotocols: [...trial.target.upgrade.subprotocols, ...subprotocols],
  };
  const peer = await trial.connect({ tenant: trial.tenant(), upgrade });
  trial.did(`offered ${subprotocols.length === 0 ? 'no subprotocol' : subprotocols.join(', ')}`);
  if (peer.status !== 101) trial.fail('101 Switching Protocols', peer.state);
  return headerOf(peer.head, PROTOCOL);
}

/** The opening handshake. */
export const HANDSHAKE: readonly Clause[] = [
  {
    id: 'rfc6455/20',
    level: 'MUST',
    sentence: 'The 101 has the right Upgrade, Connection and Sec-WebSocket-Accept.',
    source: rfc6455('4.2.2'),
    async check(trial) {
      const peer = await trial.connect({ tenant: trial.tenant() });
      if (peer.status !== 101) trial.fail('101 Switching Protocols', peer.state);
      if (peer.handshakeBreach !== undefined) trial.fail('a 101 as the RFC has it', peer.handshakeBreach);
    },
  },
  {
    id: 'rfc6455/21',
    level: 'MUST',
    sentence: 'An unknown version is refused, with a header that names version 13.',
    source: rfc6455('4.4'),
    async check(trial) {
      const headers = { 'Sec-WebSocket-Version': '99' };
      const peer = await notUpgraded(trial, 'asked for version 99', { headers });
      const versions = headerOf(peer.head, 'Sec-WebSocket-Version') ?? '';
      if (!versions.split(',').some((one) => one.trim() === '13'))
        trial.fail(
          'Sec-WebSocket-Version: 13',
          versions === '' ? `${peer.state} without the header` : versions,
        );
    },
  },
  {
    id: 'rfc6455/22',
    level: 'MUST',
    sentence: 'A handshake without a key is refused.',
    source: rfc6455('4.2.1'),
    check: async (trial) =>
      void (await notUpgraded(trial, 'left Sec-WebSocket-Key out', {
        headers: { 'Sec-WebSocket-Key': undefined },
      })),
  },
  {
    id: 'rfc6455/23',
    level: 'MUST',
    sentence: 'A handshake with a key that is not 16 bytes of base64 is refused.',
    source: rfc6455('4.2.1'),
    check: async (trial) =>
      void (await notUpgraded(trial, 'sent Sec-WebSocket-Key: short', {
        headers: { 'Sec-WebSocket-Key': 'short' },
      })),
  },
  {
    id: 'rfc6455/24',
    level: 'MUST',
    sentence: 'A handshake with POST is refused.',
    source: rfc6455('4.2.1'),
    check: async (trial) =>
      void (await notUpgraded(trial, 'asked with POST', {
        method: 'POST',
        headers: { 'Content-Length': '0' },
      })),
  },
  {
    id: 'rfc6455/25',
    level: 'MUST',
    sentence: 'Without an offer no subprotocol and no extension is chosen.',
    source: rfc6455('4.2.2'),
    async check(trial) {
      const peer = await trial.connect({ tenant: trial.tenant() });
      if (peer.status !== 101) trial.fail('101 Switching Protocols', peer.state);
      const offered = /sec-websocket-protocol/i.test(peer.request);
      const wrong = [
        ...(offered ? [] : [headerOf(peer.head, PROTOCOL)]),
        headerOf(peer.head, 'Sec-WebSocket-Extensions'),
      ].find((one) => one !== undefined);
      if (wrong !== undefined) trial.fail('neither', wrong);
    },
  },
  {
    id: 'rfc6455/26',
    level: 'MUST',
    sentence: 'A subprotocol that is chosen is one that was offered.',
    source: rfc6455('4.2.2'),
    async check(trial) {
      const offered = ['verify.one', 'verify.two'];
      const choice = await chosen(trial, ...offered);
      if (choice !== undefined && ![...offered, ...trial.target.upgrade.subprotocols].includes(choice))
        trial.fail('one of them, or none', choice);
    },
  },
  {
    id: 'rfc6455/27',
    level: 'SHOULD',
    sentence: `Of several subprotocols with ${SYNC_SUBPROTOCOL} among them, that one is chosen: a browser fails the connection without one.`,
    source: DATAFN,
    async check(trial) {
      const choice = await chosen(trial, 'verify.other', SYNC_SUBPROTOCOL);
      if (choice !== SYNC_SUBPROTOCOL) trial.fail(SYNC_SUBPROTOCOL, choice ?? 'none');
    },
  },
  {
    id: 'rfc6455/28',
    level: 'MUST',
    sentence: `A subprotocol with a secret in it is never chosen beside ${SYNC_SUBPROTOCOL}.`,
    source: DATAFN,
    async check(trial) {
      const secrets = SECRET_SUBPROTOCOL_PREFIXES.map((prefix) => `${prefix}c2VjcmV0`);
      const upgrade = { ...trial.target.upgrade, subprotocols: [...secrets, SYNC_SUBPROTOCOL] };
      const peer = await trial.connect({ tenant: trial.tenant(), upgrade });
      trial.did(`offered ${upgrade.subprotocols.join(', ')}`);
      const choice = headerOf(peer.head, PROTOCOL) ?? '';
      if (SECRET_SUBPROTOCOL_PREFIXES.some((prefix) => choice.startsWith(prefix)))
        trial.fail(`${SYNC_SUBPROTOCOL}, or none`, choice);
    },
  },
  {
    id: 'rfc6455/29',
    level: 'MUST',
    sentence: 'An offer of compression is declined, or accepted as RFC 7692 has it.',
    source: 'RFC 7692 section 7.1',
    async check(trial) {
      const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' };
      const peer = await trial.connect({ tenant: trial.tenant(), headers, isUnrecorded: true });
      trial.did('offered permessage-deflate');
      if (peer.status !== 101) trial.fail('101 Switching Protocols', peer.state);
      const answer = headerOf(peer.head, 'Sec-WebSocket-Extensions');
      if (answer !== undefined && !/^permessage-deflate(\s*;.*)?$/.test(answer))
        trial.fail('permessage-deflate, or no extension', answer);
    },
  },
  {
    id: 'rfc6455/30',
    level: 'MAY',
    sentence: 'A token may come in the Authorization header as well.',
    source: OBSERVED,
    async check(trial) {
      const upgrade = { ...trial.target.upgrade, tokenVia: 'header' as const };
      const peer = await trial.connect({ tenant: trial.tenant(), upgrade });
      await peer.roundTrip(trial.patienceMs);
      if (!peer.isOpen) trial.fail('the client to be admitted', peer.state);
    },
  },
];
