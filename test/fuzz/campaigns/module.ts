import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answers } from '../answers.js';
import { frame } from '../inputs/frames.js';
import { handshake } from '../inputs/handshakes.js';
import type { Random } from '../random.js';
import { type Mix, pickSession, type SessionDraft, split } from '../session.js';
import { protocolMix } from './dev.js';
import { attempt, describe, handshakeLines, type ServerCampaign, type Verdict } from './server-campaign.js';
import { fewOf } from './tokens.js';

/** How long the module may take: what hangs takes all of it. */
const AUTH_TIMEOUT = '300ms';

/**
 * A module that does what the header of a client says. Each entry is an expression over `ns`, the namespace of a client
 * that is let in, and what becomes of the client.
 */
const CONDUCT: Readonly<Record<string, readonly [expression: string, verdict: Verdict]>> = {
  text: ['ns', 'in'],
  grant: ['({ namespace: ns })', 'in'],
  promise: ['Promise.resolve(ns)', 'in'],
  later: ['new Promise((resolve) => setTimeout(resolve, 5, ns))', 'in'],
  thenable: ['({ then: (resolve) => resolve(ns) })', 'in'],
  twice: [
    '({ then(resolve, reject) { resolve(ns); resolve("healthy:0"); reject(new Error("late")); } })',
    'in',
  ],
  frozen: ['Object.freeze(Object.assign(Object.create(null), { namespace: ns }))', 'in'],
  changing: ['({ reads: 0, get namespace() { return this.reads++ === 0 ? ns : "healthy:0"; } })', 'in'],
  undefined: ['undefined', 'out'],
  null: ['null', 'out'],
  refusal: ['Promise.resolve(null)', 'out'],
  throws: ['(() => { throw new Error("no: " + ns); })()', 'out'],
  throwsText: ['(() => { throw "no"; })()', 'out'],
  throwsNothing: ['(() => { throw undefined; })()', 'out'],
  throwsTrap: ['(() => { throw trap; })()', 'out'],
  rejects: ['Promise.reject(new Error("no"))', 'out'],
  rejectsNothing: ['Promise.reject()', 'out'],
  rejectsTrap: ['Promise.reject(trap)', 'out'],
  rejectsLater: ['new Promise((_, reject) => setTimeout(reject, 5, new Error("no")))', 'out'],
  thenThrows: ['({ then() { throw new Error("no"); } })', 'out'],
  thenTrap: ['({ get then() { throw new Error("no"); } })', 'out'],
  trap: ['trap', 'out'],
  number: ['42', 'out'],
  boolean: ['true', 'out'],
  symbol: ['Symbol("ns")', 'out'],
  function: ['() => ns', 'out'],
  list: ['[ns]', 'out'],
  map: ['new Map([["namespace", ns]])', 'out'],
  boxed: ['new String(ns)', 'out'],
  empty: ['""', 'out'],
  control: ['"a\\u0000b"', 'out'],
  long: ['"x".repeat(1e6)', 'out'],
  wrongGrant: ['({ namespace: 5 })', 'out'],
  noGrant: ['({})', 'out'],
  past: ['({ namespace: ns, expiresAtMs: 1 })', 'out'],
  never: ['({ namespace: ns, expiresAtMs: NaN })', 'out'],
  infinite: ['({ namespace: ns, expiresAtMs: Infinity })', 'out'],
  textual: ['({ namespace: ns, expiresAtMs: "9e15" })', 'out'],
  farAhead: ['({ namespace: ns, expiresAtMs: 1e300 })', 'in'],
};
const HANGS = [
  'new Promise(() => {})',
  '({ then() {} })',
  'new Promise((resolve) => setTimeout(resolve, 900, ns))',
];
const SOON = '({ namespace: ns, expiresAtMs: Date.now() + 30 })';

const MODULE = `
const trap = new Proxy(function () {}, {
  get() { throw new Error('trap'); }, getPrototypeOf() { throw new Error('trap'); }, has() { throw new Error('trap'); },
});
const conduct = {
${Object.entries(CONDUCT)
  .map(([name, [expression]]) => `  ${name}: (ns) => ${expression},`)
  .join('\n')}
${HANGS.map((expression, index) => `  hang${index}: (ns) => ${expression},`).join('\n')}
  soon: (ns) => ${SOON},
};
export function getNamespace({ token, headers }) {
  return conduct[headers['x-conduct'] ?? 'text'](token);
}
`;

/** A module of a user's that does everything wrong that a provider can. */
export async function module(folder: string): Promise<ServerCampaign> {
  const file = join(folder, 'auth.mjs');
  await writeFile(file, MODULE);
  const names = Object.keys(CONDUCT);
  const linesFor = (random: Random, conduct: string) =>
    handshakeLines([{ query: `token=fuzz:${random.below(50)}`, headers: [`X-Conduct: ${conduct}`] }]);
  const mix: Mix = {
    conduct: [
      900,
      (random) => {
        const name = random.pick(names);
        const [, verdict] = CONDUCT[name] as (typeof CONDUCT)[string];
        return attempt('conduct', random, linesFor(random, name), { verdict, mayBeFull: true });
      },
    ],
    hang: [
      15,
      (random) =>
        attempt('hang', random, linesFor(random, `hang${random.below(HANGS.length)}`), {
          verdict: 'out',
          mayBeFull: true,
        }),
    ],
    // Away while the module is asked.
    leaving: [
      15,
      (random) => ({
        ...attempt('leaving', random, linesFor(random, 'hang0'), { verdict: undefined }),
        leavesAtOnce: true,
      }),
    ],
    soon: [5, (random) => expiring(random, linesFor(random, 'soon'))],
    ...fewOf(protocolMix((random) => linesFor(random, 'text'))),
  };
  return {
    flags: [
      '--auth',
      'module',
      '--auth-module',
      file,
      '--auth-timeout',
      AUTH_TIMEOUT,
      '--max-pending-auth',
      '24',
    ],
    admit: (namespace) => ({ query: `token=${namespace}` }),
    sessionOf: (random) => pickSession(random, mix),
    answers: ['HTTP 101', 'HTTP 400', 'close 1000', 'close 4401'],
  };
}

/** A client that is let in for a moment, and stays longer. */
function expiring(random: Random, lines: readonly string[]): SessionDraft {
  const ping = frame(random, Buffer.from([0]), { opcode: 0x9, usual: true });
  const isFull = ({ statuses }: Answers) => statuses[0] === 503;
  return {
    kind: 'soon',
    inputs: 1,
    pieces: split(random, Buffer.concat([Buffer.from(handshake(lines)), ping])),
    isAnswered: (answers) => isFull(answers) || answers.close !== undefined,
    problem(answers) {
      const { close } = answers;
      // A machine that was busy for so long lets nobody in.
      const isRight = close?.code === 4401 && /^(Token expired|Unauthorized)$/.test(close.reason);
      return isRight || isFull(answers) ? undefined : `expected it to expire, got ${describe(answers)}`;
    },
  };
}
