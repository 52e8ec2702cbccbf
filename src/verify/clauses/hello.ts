import { OPCODE } from '../../protocol/frames.js';
import { receivedWords, type Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED } from './clause.js';

const OLD_HELLO = { type: 'hello', clientId: 'verify-old', cursor: '0' };
const NEW_HELLO = { type: 'hello', clientId: 'verify-new', cursors: { todos: '0', kv: '12' } };

/** A client says hellos, and is served afterwards. */
async function says(trial: Trial, ...hellos: readonly unknown[]): Promise<void> {
  const tenant = trial.tenant();
  const peer = await trial.admitted(tenant);
  for (const hello of hellos) {
    const text = JSON.stringify(hello);
    trial.did(`sent ${text}`);
    peer.text(text);
  }
  await trial.stillServed(peer, 'a hello');
  if (trial.target.trigger !== undefined) await trial.delivered(tenant, [peer]);
}

export const HELLO: readonly Clause[] = [
  {
    id: 'hello/1',
    level: 'MUST',
    sentence: 'A hello with one cursor, as older clients send it, is accepted.',
    source: DATAFN,
    check: (trial) => says(trial, OLD_HELLO),
  },
  {
    id: 'hello/2',
    level: 'MUST',
    sentence: 'A hello with a cursor per table, as current clients send it, is accepted.',
    source: DATAFN,
    check: (trial) => says(trial, NEW_HELLO),
  },
  {
    id: 'hello/3',
    level: 'MUST',
    sentence: 'A second hello is accepted.',
    source: DATAFN,
    check: (trial) => says(trial, NEW_HELLO, NEW_HELLO, OLD_HELLO),
  },
  {
    id: 'hello/4',
    level: 'MUST',
    sentence: 'A client that has not said hello gets cursors.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant);
      await trial.delivered(tenant, [peer], 'the client without a hello');
    },
  },
  {
    id: 'hello/5',
    level: 'MUST',
    sentence: 'A namespace in a hello has no effect: the token decides.',
    source: DATAFN,
    async check(trial) {
      const [own, other] = trial.tenants();
      const peer = await trial.admitted(own, { name: 'a client of namespace A' });
      const witness = await trial.admitted(other, { name: 'a client of namespace B' });
      const namespace = other.namespace ?? other.token;
      peer.text(JSON.stringify({ ...NEW_HELLO, namespace }));
      trial.did('sent a hello with namespace B from the client of A');
      await trial.stillServed(peer, 'a hello with a namespace');
      const foreign = await trial.delivered(other, [witness], 'the client of B');
      await trial.delivered(own, [peer], 'the client of A');
      if (foreign.cursor !== undefined && trial.target.trigger?.choosesCursor && trial.hasGot(peer, foreign))
        trial.fail('no cursor of B to reach the client of A', receivedWords(peer));
    },
  },
  {
    id: 'hello/6',
    level: 'SHOULD',
    sentence: 'A hello is not answered, except with cursors.',
    source: OBSERVED,
    async check(trial) {
      const peer = await trial.admitted(trial.tenant());
      peer.text(JSON.stringify(NEW_HELLO));
      trial.did(`sent ${JSON.stringify(NEW_HELLO)}`);
      await trial.stillServed(peer, 'a hello');
      const others = peer.texts.filter((text) => !/"type"\s*:\s*"cursor"/.test(text));
      if (others.length > 0) trial.fail('no answer', others.join(' '));
    },
  },
  {
    id: 'hello/7',
    level: 'MUST',
    sentence: 'A hello in several fragments, with a ping between them, is one message.',
    source: 'RFC 6455 section 5.4',
    async check(trial) {
      const peer = await trial.admitted(trial.tenant());
      const bytes = Buffer.from(JSON.stringify(NEW_HELLO));
      peer.frame(OPCODE.text, bytes.subarray(0, 7), { isFinal: false });
      peer.frame(OPCODE.ping, 'between');
      peer.frame(OPCODE.continuation, bytes.subarray(7, 20), { isFinal: false });
      peer.frame(OPCODE.continuation, bytes.subarray(20));
      trial.did('sent a hello in three fragments, with a ping after the first');
      await trial.stillServed(peer, 'a fragmented hello');
    },
  },
];
