import { OPCODE } from '../../protocol/frames.js';
import { hex } from '../peer/frames.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED } from './clause.js';

/** A client sends messages that mean nothing, and is served afterwards as before. */
async function ignores(trial: Trial, messages: readonly (string | Buffer)[]): Promise<void> {
  const tenant = trial.tenant();
  const peer = await trial.admitted(tenant);
  for (const message of messages) {
    const isText = typeof message === 'string';
    const words = isText ? JSON.stringify(message.slice(0, 80)) : `binary ${hex(message)}`;
    trial.did(`sent ${words}${message.length > 80 ? ` … (${message.length} bytes)` : ''}`);
    peer.frame(isText ? OPCODE.text : OPCODE.binary, message);
    await trial.stillServed(peer, words);
  }
  if (trial.target.trigger !== undefined) await trial.delivered(tenant, [peer]);
}

const HUGE_BYTES = 1024 * 1024;
/** Deep enough to overflow the stack of a parser that recurses, and small enough to be read. */
const DEPTH = 20_000;

export const MESSAGE: readonly Clause[] = [
  {
    id: 'message/1',
    level: 'MUST',
    sentence: 'A text that is not JSON is ignored, and the client is still served.',
    source: DATAFN,
    check: (trial) => ignores(trial, ['hello', '{"type":"hel', '']),
  },
  {
    id: 'message/2',
    level: 'MUST',
    sentence: 'JSON that is not an object is ignored.',
    source: DATAFN,
    check: (trial) => ignores(trial, ['null', '42', '"hello"', '[]', 'true']),
  },
  {
    id: 'message/3',
    level: 'MUST',
    sentence: 'A hello with values of the wrong type is ignored.',
    source: DATAFN,
    check: (trial) =>
      ignores(
        trial,
        [
          { type: 'hello' },
          { type: 'hello', clientId: 7, cursor: {} },
          { type: 'hello', clientId: 'c', cursors: ['1'] },
          { type: 'hello', clientId: '', cursors: { todos: null } },
          { type: ['hello'] },
        ].map((one) => JSON.stringify(one)),
      ),
  },
  {
    id: 'message/4',
    level: 'MUST',
    sentence: 'A message of an unknown type is ignored.',
    source: DATAFN,
    check: (trial) => ignores(trial, ['{"type":"presence"}', '{"type":"cursor","cursor":"1"}', '{}']),
  },
  {
    id: 'message/5',
    level: 'MUST',
    sentence: 'A binary message is ignored.',
    source: DATAFN,
    check: (trial) => ignores(trial, [Buffer.from([0x00, 0xff, 0x80]), Buffer.alloc(0)]),
  },
  {
    id: 'message/6',
    level: 'MUST',
    sentence: 'Deeply nested JSON is ignored.',
    source: OBSERVED,
    check: (trial) => ignores(trial, [`${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`]),
  },
  {
    id: 'message/7',
    level: 'MUST',
    sentence: 'Keys such as __proto__ in a hello are harmless.',
    source: OBSERVED,
    check: (trial) =>
      ignores(trial, [
        '{"type":"hello","clientId":"c","__proto__":{"namespace":"x"},"cursors":{"__proto__":"1","constructor":"2"}}',
      ]),
  },
  {
    id: 'message/8',
    level: 'MUST',
    sentence: 'A message of 1 MiB is ignored or closes its client with 1009, and disturbs no other client.',
    source: 'RFC 6455 section 7.4.1',
    async check(trial) {
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant, { name: 'a client that sends 1 MiB' });
      const other = await trial.admitted(tenant, { name: 'another client' });
      peer.frame(OPCODE.text, 'x'.repeat(HUGE_BYTES));
      trial.did('sent a text of 1 MiB');
      await peer.roundTrip(trial.patienceMs);
      if (!peer.isOpen && peer.closeFrame?.code !== 1009 && peer.closeFrame !== undefined)
        trial.fail('an open connection, or a close with 1009', peer.state);
      await trial.stillServed(other, 'the message of another client');
      if (trial.target.trigger !== undefined) await trial.delivered(tenant, [other], 'the other client');
    },
  },
];
