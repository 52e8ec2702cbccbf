import { INVALID_PAYLOAD, PROTOCOL_ERROR } from '../../protocol/close-codes.js';
import { OPCODE } from '../../protocol/frames.js';
import type { ClauseId } from '../model/result.js';
import { closePayload, encodeFrame, hex } from '../peer/frames.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, rfc6455 } from './clause.js';

const HELLO = '{"type":"hello","clientId":"verify"}';
const NOT_UTF8 = Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]);

/** A client sends bytes for which a server has to fail the connection, with this code if it sends one. */
async function failsWith(trial: Trial, code: number, bytes: Buffer): Promise<void> {
  const peer = await trial.admitted(trial.tenant());
  peer.write(bytes);
  trial.did(`sent ${hex(bytes)}`);
  const expected = `a close with ${code}, or the end of the connection`;
  await trial.closed(peer, expected);
  if (peer.closeFrame !== undefined && peer.closeFrame.code !== code) trial.fail(expected, peer.state);
}

/** A rule that a client breaks. */
function broken(
  number: number,
  sentence: string,
  section: string,
  bytes: () => Buffer,
  code: number = PROTOCOL_ERROR,
): Clause {
  return {
    id: `rfc6455/${number}` as ClauseId,
    level: 'MUST',
    sentence,
    source: rfc6455(section),
    check: (trial) => failsWith(trial, code, bytes()),
  };
}

/** Frames, right ones and wrong ones. */
export const FRAMES: readonly Clause[] = [
  {
    id: 'rfc6455/1',
    level: 'MUST',
    sentence: 'A ping is answered with a pong that has its payload.',
    source: rfc6455('5.5.2'),
    async check(trial) {
      const peer = await trial.admitted(trial.tenant());
      for (const payload of [Buffer.from('a ping'), Buffer.alloc(0), Buffer.alloc(125, 0xfe)]) {
        peer.frame(OPCODE.ping, payload);
        trial.did(`sent a ping with ${payload.length === 0 ? 'no bytes' : hex(payload)}`);
        const isAnswered = await peer.until(
          () => peer.pongs.at(-1)?.equals(payload) ?? false,
          trial.patienceMs,
        );
        if (!isAnswered)
          trial.fail(
            'a pong with the same bytes',
            peer.pongs.length < 2 ? 'none' : hex(peer.pongs.at(-1) as Buffer),
          );
      }
    },
  },
  {
    id: 'rfc6455/2',
    level: 'MUST',
    sentence: 'A pong that nobody asked for is ignored.',
    source: rfc6455('5.5.3'),
    async check(trial) {
      const peer = await trial.admitted(trial.tenant());
      peer.frame(OPCODE.pong, 'unasked');
      trial.did('sent a pong');
      await trial.stillServed(peer, 'a pong');
    },
  },
  broken(3, 'A frame that is not masked fails the connection.', '5.1', () =>
    encodeFrame(OPCODE.text, Buffer.from(HELLO), { isMasked: false }),
  ),
  broken(4, 'A reserved bit without an extension fails the connection.', '5.2', () =>
    encodeFrame(OPCODE.text, Buffer.from(HELLO), { reservedBits: 2 }),
  ),
  broken(5, 'A reserved opcode fails the connection.', '5.2', () => encodeFrame(0x3, Buffer.from('?'))),
  broken(6, 'A reserved control opcode fails the connection.', '5.2', () =>
    encodeFrame(0xb, Buffer.alloc(0)),
  ),
  broken(7, 'A fragmented control frame fails the connection.', '5.5', () =>
    encodeFrame(OPCODE.ping, Buffer.from('half'), { isFinal: false }),
  ),
  broken(8, 'A control frame of more than 125 bytes fails the connection.', '5.5', () =>
    encodeFrame(OPCODE.ping, Buffer.alloc(126)),
  ),
  broken(9, 'A continuation of nothing fails the connection.', '5.4', () =>
    encodeFrame(OPCODE.continuation, Buffer.from(HELLO)),
  ),
  broken(10, 'A new message within a fragmented one fails the connection.', '5.4', () =>
    Buffer.concat([
      encodeFrame(OPCODE.text, Buffer.from('{'), { isFinal: false }),
      encodeFrame(OPCODE.text, Buffer.from(HELLO)),
    ]),
  ),
  broken(
    11,
    'A text that is not UTF-8 fails the connection.',
    '8.1',
    () => encodeFrame(OPCODE.text, NOT_UTF8),
    INVALID_PAYLOAD,
  ),
  broken(12, 'A close frame with half a code fails the connection.', '5.5.1', () =>
    encodeFrame(OPCODE.close, Buffer.from([0x03])),
  ),
  broken(13, 'A close frame with a code that must not be sent fails the connection.', '7.4.1', () =>
    encodeFrame(OPCODE.close, closePayload(1005)),
  ),
  broken(
    14,
    'A close reason that is not UTF-8 fails the connection.',
    '5.5.1',
    () => encodeFrame(OPCODE.close, closePayload(1000, NOT_UTF8)),
    INVALID_PAYLOAD,
  ),
  {
    id: 'rfc6455/15',
    level: 'MUST',
    sentence: 'A client that fails its connection disturbs no other client.',
    source: rfc6455('7.1.7'),
    async check(trial) {
      const tenant = trial.tenant();
      const other = await trial.admitted(tenant, { name: 'a client' });
      const peer = await trial.admitted(tenant, { name: 'a client that breaks the protocol' });
      peer.write(encodeFrame(OPCODE.text, Buffer.from(HELLO), { isMasked: false, reservedBits: 7 }));
      await trial.closed(peer, 'the end of its connection');
      await trial.stillServed(other, 'a protocol error of another client');
    },
  },
  {
    id: 'rfc6455/16',
    level: 'MUST',
    sentence: 'Frames of any cut are read: byte by byte, and many in one packet.',
    source: rfc6455('5.2'),
    async check(trial) {
      const peer = await trial.admitted(trial.tenant());
      for (const byte of encodeFrame(OPCODE.text, Buffer.from(HELLO))) peer.write(Buffer.from([byte]));
      trial.did('sent a hello byte by byte');
      await trial.stillServed(peer, 'a hello byte by byte');
      peer.write(
        Buffer.concat(Array.from({ length: 20 }, () => encodeFrame(OPCODE.text, Buffer.from(HELLO)))),
      );
      trial.did('sent twenty hellos in one packet');
      await trial.stillServed(peer, 'twenty hellos in one packet');
    },
  },
  {
    id: 'rfc6455/17',
    level: 'MUST',
    sentence:
      'Every frame of the server in the whole run keeps to the RFC: no mask, no reserved bits, UTF-8, legal lengths and codes.',
    source: rfc6455('5'),
    lane: 'after',
    check(trial) {
      trial.did(`looked at every frame to ${trial.ledger.clients} clients`);
      const { breaches } = trial.ledger;
      if (breaches.length > 0) trial.fail('no breach', breaches.slice(0, 5).join('; '));
    },
  },
];
