import { STRINGS } from '../inputs/messages.js';
import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { type Mix, pickSession } from '../session.js';
import { protocolMix } from './dev.js';
import { type Algorithm, hmac, type Issuer, signedPart, startIssuer } from './jwt-keys.js';
import { present, WAYS } from './presented.js';
import { attempt, handshakeLines, type ServerCampaign, type Verdict } from './server-campaign.js';
import { fewOf } from './tokens.js';

const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA'];
/** Seconds since 1970 that are far away, so that a token is the same in every run. */
const LONG_AGO = 1_000_000_000;
const FAR_AHEAD = 9_000_000_000;

interface Token {
  readonly token: string;
  readonly verdict: Verdict;
}

/** Tokens of an issuer whose keys are fetched: forged, out of date, misshapen. */
export async function jwt(): Promise<ServerCampaign> {
  const issuer = await startIssuer();
  const signed = (namespace: string, algorithm: Algorithm) => {
    const [ns, sub] = namespace.split(':');
    return issuer.token({ alg: algorithm, kid: `key-${algorithm}` }, { ns, sub, exp: FAR_AHEAD }, algorithm);
  };
  // Signing anew for each session would be most of the work.
  const good = ALGORITHMS.flatMap((algorithm) =>
    Array.from({ length: 20 }, (_, index) => signed(`fuzz:${index}`, algorithm)),
  );
  const kind = (name: string, share: number, make: (random: Random) => Token) =>
    [
      share,
      (random: Random) => {
        const { token, verdict } = make(random);
        // What is long fits in a head one way only.
        const way = token.length > 3000 ? 'header' : random.pick(WAYS);
        const lines = handshakeLines([present(random, token, way)]);
        return attempt(name, random, lines, { verdict });
      },
    ] as const;
  const mix: Mix = {
    valid: kind('valid', 150, (random) => ({ token: random.pick(good), verdict: 'in' })),
    forged: kind('forged', 250, (random) => ({ token: forged(random, issuer, good), verdict: 'out' })),
    dates: kind('dates', 150, (random) => dated(random, issuer)),
    claims: kind('claims', 150, (random) => claimed(random, issuer)),
    header: kind('header', 150, (random) => headed(random, issuer)),
    misshapen: kind('misshapen', 150, (random) => ({
      token: misshapen(random, random.pick(good)),
      verdict: 'out',
    })),
    mangled: kind('mangled', 50, (random) => ({
      token: mutate(random, Buffer.from(random.pick(good)))
        .toString('latin1')
        .replaceAll(/[^\x21-\x7e]/g, '.'),
      verdict: undefined,
    })),
    ...fewOf(
      protocolMix((random) => handshakeLines([present(random, random.pick(good), random.pick(WAYS))])),
    ),
  };
  return {
    flags: ['--auth', 'jwt', '--jwt-jwks-url', issuer.url, '--jwt-namespace', '{ns}:{sub}'],
    admit: (namespace) => ({ query: `token=${signed(namespace, 'EdDSA')}` }),
    sessionOf: (random) => pickSession(random, mix),
    answers: ['HTTP 101', 'HTTP 400', 'close 1000', 'close 4401'],
    dispose: () => issuer.close(),
  };
}

const CLAIMS = { ns: 'fuzz', sub: 'forged', exp: FAR_AHEAD };

/** A token that its issuer has not signed. */
function forged(random: Random, issuer: Issuer, good: readonly string[]): string {
  const kid = random.pick(['key-RS256', 'key-ES256', 'key-EdDSA', undefined]);
  switch (random.below(5)) {
    case 0: {
      const alg = random.pick([
        'none',
        'None',
        'NONE',
        'nOnE',
        '',
        null,
        0,
        [],
        {},
        ['RS256'],
        'RS256\u0000',
      ]);
      return `${signedPart({ alg, kid }, CLAIMS)}.${random.pick(['', 'AA', signatureOf(random.pick(good))])}`;
    }
    case 1: {
      // A public key taken for a shared secret.
      const [alg, hash] = random.pick([
        ['HS256', 'sha256'],
        ['HS384', 'sha384'],
        ['HS512', 'sha512'],
        ['RS256', 'sha256'],
      ] as const);
      const part = signedPart({ alg, kid }, CLAIMS);
      return `${part}.${hmac(hash, random.pick(issuer.published), part)}`;
    }
    case 2: {
      const algorithm = random.pick(['ES256', 'EdDSA'] as const);
      const own = { jwk: { kty: 'oct', k: 'AA' }, jku: 'http://127.0.0.1:9/', x5u: 'http://127.0.0.1:9/' };
      const header = { alg: algorithm, kid: `key-${algorithm}`, ...(random.chance(0.5) ? own : {}) };
      return issuer.token(header, CLAIMS, algorithm, true);
    }
    case 3:
      // The signature of another token.
      return `${signedPart({ alg: 'EdDSA', kid: 'key-EdDSA' }, CLAIMS)}.${signatureOf(random.pick(good))}`;
    default:
      // The right key under the name of another algorithm.
      return issuer.token({ alg: random.pick(['RS256', 'ES256', 'PS256', 'RS512']), kid }, CLAIMS, 'EdDSA');
  }
}

function signatureOf(token: string): string {
  return token.slice(token.lastIndexOf('.') + 1);
}

function issued(issuer: Issuer, claims: object | string, header: object = {}): string {
  return issuer.token({ alg: 'EdDSA', kid: 'key-EdDSA', ...header }, claims, 'EdDSA');
}

function dated(random: Random, issuer: Issuer): Token {
  const base = { ns: 'fuzz', sub: 'dated' };
  const [claims, verdict] = random.pick<readonly [object, Verdict]>([
    [{ exp: LONG_AGO }, 'out'],
    [{ exp: 0 }, 'out'],
    [{ exp: -1 }, 'out'],
    [{ exp: -1e300 }, 'out'],
    [{ exp: '9000000000' }, 'out'],
    [{ exp: null }, 'out'],
    [{ exp: [FAR_AHEAD] }, 'out'],
    [{ exp: 1e300 }, undefined],
    [{ exp: FAR_AHEAD + 0.5 }, 'in'],
    [{}, 'in'],
    [{ nbf: FAR_AHEAD }, 'out'],
    [{ nbf: '0' }, 'out'],
    [{ nbf: 1e300 }, 'out'],
    [{ nbf: LONG_AGO, exp: LONG_AGO + 1 }, 'out'],
    [{ nbf: LONG_AGO }, 'in'],
    [{ iat: FAR_AHEAD }, undefined],
    [{ iat: 'x' }, undefined],
  ]);
  return { token: issued(issuer, { ...base, ...claims }), verdict };
}

/** Well signed, with claims that make no namespace, or just do. */
function claimed(random: Random, issuer: Issuer): Token {
  const depth = random.from(100, 2000);
  const [claims, verdict] = random.pick<readonly [object | string, Verdict]>([
    [{ ns: 'fuzz' }, 'out'],
    [{}, 'out'],
    [{ ns: 'fuzz', sub: random.pick([5, null, true, [], {}, ['a'], { sub: 'a' }, '']) }, 'out'],
    [{ ns: 'fuzz', sub: random.pick(['a:b', ':', 'a\u0000', 'a\n', 'x'.repeat(300)]) }, 'out'],
    [{ ns: 'healthy:0', sub: '' }, 'out'],
    [{ ns: 'fuzz', sub: 'deep', x: 1, ...JSON.parse(nested(depth)) }, 'in'],
    [{ ns: 'fuzz', sub: 'long', x: 'x'.repeat(random.from(1000, 9000)) }, 'in'],
    [`{"ns":"fuzz","sub":"one","sub":${random.pick(STRINGS)}}`, undefined],
    [`{"ns":"fuzz","sub":"a","__proto__":{"sub":"b"}}`, undefined],
    [random.pick(['null', '[]', '5', '"x"', '', '{', '{"sub":', '\ufeff{}', 'true']), 'out'],
    [{ ns: 'fuzz', sub: random.pick(['\u202e', '\u200b', '💩', '__proto__', '{sub}', '%00']) }, undefined],
  ]);
  return { token: issued(issuer, claims), verdict };
}

function nested(depth: number): string {
  return `{"y":${'['.repeat(depth)}${']'.repeat(depth)}}`;
}

/** Well signed, with a header that asks for something odd. */
function headed(random: Random, issuer: Issuer): Token {
  const [header, verdict] = random.pick<readonly [object, Verdict]>([
    [{ kid: random.pick(['../../etc/passwd', "' OR 1=1", 'key', 'KEY-EDDSA', '__proto__', '']) }, undefined],
    [{ kid: random.pick([5, null, [], {}, true, ['key-EdDSA']]) }, undefined],
    [{ kid: 'k'.repeat(random.from(1, 5000)) }, 'out'],
    [{ kid: 'key-RS256' }, 'out'],
    [{ crit: random.pick([['x'], ['exp'], [], 'x', [5]]) }, 'out'],
    [{ crit: ['b64'], b64: false }, 'out'],
    [{ typ: random.pick(['JWE', 'at+jwt', 'x'.repeat(1000), '💩']) }, 'in'],
    [{ cty: 'JWT', zip: 'DEF', enc: 'A128GCM' }, undefined],
  ]);
  return { token: issued(issuer, { ns: 'fuzz', sub: 'headed' }, header), verdict };
}

/** A good token that is one no more. */
function misshapen(random: Random, token: string): string {
  const parts = token.split('.');
  const at = random.below(token.length - 1);
  switch (random.below(7)) {
    case 0:
      return token.slice(0, Math.max(1, at));
    case 1:
      return `${token}.${random.pick(['', 'AA', token])}`;
    case 2:
      return parts.slice(0, random.from(1, 2)).join('.');
    case 3:
      return [...parts.slice(1), parts[0]].join('.');
    case 4: {
      // Not the last character, some of whose bits say nothing.
      const other = token[at] === 'A' ? 'B' : 'A';
      return token[at] === '.' ? token.replace('.', '') : token.slice(0, at) + other + token.slice(at + 1);
    }
    case 5:
      return `${parts[0]}.${parts[1]}.`;
    default:
      return random.pick(['.', '..', '...', '....', 'e30.e30.', 'e30.e30.AA', 'null.null.null', '=.=.=']);
  }
}
