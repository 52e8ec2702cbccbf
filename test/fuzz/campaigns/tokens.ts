import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { type Mix, pickSession } from '../session.js';
import { protocolMix } from './dev.js';
import { badlyEncoded, blank, present, type Way, wayFor } from './presented.js';
import {
  attempt,
  handshakeLines,
  type Presented,
  type ServerCampaign,
  type Verdict,
} from './server-campaign.js';

/** Tokens with characters that some encoding or parser makes something else of. */
const ODD = [
  'plus+plus+plus+plus',
  'blank blank blank blank',
  'percent%20percent%2B',
  'amp&token=other&x=y',
  'quote"quote;quote,quote',
  'padding-padding====',
  'ünïcödé-tökén-nfc',
  '💩💩💩💩💩',
  '__proto__.__proto__',
  'hasOwnPropertyhasOwn',
  'line\u2028line\u2029line!',
];
const KNOWN = [...ODD, ...Array.from({ length: 50 }, (_, index) => `fuzz-token-${index}-abcdefABCDEF`)];
const isKnown = new Set(KNOWN);
/** Those of the three ways that are not a cookie, which steps back behind any other. */
const SAID: readonly Way[] = ['header', 'query', 'subprotocol'];

/** A file of tokens: only the very token, in one clear encoding, lets anybody in. */
export async function tokens(folder: string): Promise<ServerCampaign> {
  const file = join(folder, 'tokens.json');
  const healthy = (namespace: string) => `a-healthy-token-of-${namespace}`;
  const entries = [
    ...KNOWN.map((token, index) => [token, `fuzz:${index}`]),
    ...['healthy:0', 'healthy:1', 'healthy:2'].map((namespace) => [healthy(namespace), namespace]),
  ];
  await writeFile(file, JSON.stringify(Object.fromEntries(entries)));
  const mix: Mix = {
    known: [200, (random) => tried('known', random, [wellSaid(random, random.pick(KNOWN))], 'in')],
    unknown: [150, (random) => tried('unknown', random, [wellSaid(random, unknown(random))], 'out')],
    near: [200, (random) => tried('near', random, [wellSaid(random, near(random))], 'out')],
    disagreeing: [150, disagreeing],
    badlyEncoded: [
      150,
      (random) => tried('badlyEncoded', random, [badlyEncoded(random, random.pick(KNOWN.slice(11)))], 'out'),
    ],
    huge: [10, huge],
    blank: [50, (random) => tried('blank', random, [blank(random)], 'out')],
    mangled: [
      20,
      (random) => {
        const lines = handshakeLines([wellSaid(random, random.pick(KNOWN))]);
        return attempt('mangled', random, lines, {
          verdict: undefined,
          mangle: (request) => mutate(random, request),
        });
      },
    ],
    // What is said before and after a token is checked here, too.
    ...fewOf(protocolMix((random) => handshakeLines([wellSaid(random, random.pick(KNOWN))]))),
  };
  return {
    flags: ['--auth', 'tokens', '--tokens', file],
    admit: (namespace) => ({ query: `token=${healthy(namespace)}` }),
    sessionOf: (random) => pickSession(random, mix),
    answers: ['HTTP 101', 'HTTP 400', 'close 1000', 'close 4401'],
  };
}

/** A tenth of a mix. */
export function fewOf(mix: Mix): Mix {
  return Object.fromEntries(
    Object.entries(mix).map(([kind, [share, make]]) => [kind, [Math.ceil(share / 10), make]]),
  );
}

function tried(kind: string, random: Random, presented: readonly Presented[], verdict: Verdict) {
  return attempt(kind, random, handshakeLines(presented), { verdict });
}

function wellSaid(random: Random, token: string): Presented {
  return present(random, token, wayFor(random, token));
}

function unknown(random: Random): string {
  if (random.chance(0.5)) return random.bytes(random.from(1, 40)).toString('base64');
  return random.bytes(random.from(16, 64)).toString('latin1');
}

/** A token that differs a little from one that is known. */
function near(random: Random): string {
  const token = random.pick(KNOWN);
  const at = random.below(token.length);
  const other = [
    token.slice(0, -1),
    token.slice(1),
    `${token} `,
    ` ${token}`,
    `${token}\u0000`,
    `${token}\u200b`,
    token + token,
    token.normalize('NFD'),
    token.toUpperCase(),
    token.replaceAll('+', ' '),
    token.replaceAll(' ', '+'),
    decoded(token),
    token.slice(0, at) + String.fromCharCode(token.charCodeAt(at) ^ 1) + token.slice(at + 1),
    `"${token}"`,
    `\ufeff${token}`,
  ][random.below(15)] as string;
  // Half of a pair is no text that could be sent.
  return isKnown.has(other) || Buffer.from(other).toString() !== other ? `${token}?` : other;
}

function decoded(token: string): string {
  return token.includes('%') ? decodeURIComponent(token) : `${token}%`;
}

/** Tokens in two places. */
function disagreeing(random: Random) {
  const one = random.pick(KNOWN);
  const other = random.chance(0.5)
    ? unknown(random)
    : (KNOWN[(KNOWN.indexOf(one) + 1) % KNOWN.length] as string);
  const [way, otherWay] = [random.below(3), random.from(1, 2)];
  const said = (token: string, at: number) =>
    present(random, token, wayFor(random, token, [SAID[at % 3] as Way]));
  const cookie = (token: string) => present(random, token, 'cookie');
  const kind = 'disagreeing';
  switch (random.below(4)) {
    case 0: {
      // A protocol may not be offered twice.
      const ways = /^[\x21-\x7e]+$/.test(one) ? way + otherWay : 1;
      return tried(kind, random, [said(one, way), said(one, ways)], 'in');
    }
    case 1:
      // A browser sends its cookie unasked: what is said goes before it.
      return tried(kind, random, [said(one, way), cookie(other)], 'in');
    case 2: {
      const [first, second] = [cookie(one), cookie(other)].map(({ headers: [line = ''] = [] }) =>
        line.slice(8),
      );
      return tried(kind, random, [{ headers: [`Cookie: ${first}; ${second}`] }], 'out');
    }
    default:
      return tried(kind, random, [said(one, way), said(other, random.below(3))], 'out');
  }
}

/** As much as a head takes, and more. */
function huge(random: Random) {
  const token = 'h'.repeat(random.chance(0.7) ? random.from(300, 10_000) : random.from(17_000, 80_000));
  return tried('huge', random, [present(random, token, wayFor(random, token))], 'out');
}
