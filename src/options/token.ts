import { jwtSecretProblem } from '../text/jwt.js';
import type { Parsed } from '../text/units.js';
import { jsonObjectProblem } from './checks.js';
import { duration, file, list, text } from './kinds.js';
import type { Resolved } from './spec.js';

/** Claims that are numbers: as a text, no server takes them (RFC 7519 section 2, NumericDate). */
const TIMES: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf']);

function parseClaim(value: string): Parsed<readonly string[]> {
  const equals = value.indexOf('=');
  if (equals < 1) return { ok: false, expected: 'NAME=VALUE such as sub=alice' };
  return TIMES.has(value.slice(0, equals))
    ? { ok: false, expected: 'a text claim; use --expires-in, or --claims for another time' }
    : { ok: true, value: [value] };
}

/** Every option of `datafn-ws token`. */
export const tokenOptions = {
  secret: text({
    placeholder: 'SECRET',
    help: 'The secret to sign with, at least 32 bytes. Prefer DATAFN_WS_JWT_SECRET, which serve reads as well.',
    default: undefined as string | undefined,
    fromEnv: false,
    isSecret: true,
    check: jwtSecretProblem,
  }),
  secretFile: file({
    help: 'File with the secret, read as serve does. Default: DATAFN_WS_JWT_SECRET_FILE.',
    fromEnv: false,
  }),
  claim: list({
    placeholder: 'NAME=VALUE',
    help: 'A claim with a text value. Repeatable.',
    fromEnv: false,
    parse: parseClaim,
  }),
  claims: text({
    placeholder: 'JSON',
    help: 'More claims, for values that are not text; they override all others.',
    default: '{}',
    fromEnv: false,
    check: jsonObjectProblem,
  }),
  expiresIn: duration({
    help: 'How long the token is valid; 0 is forever.',
    default: 3_600_000 as number,
    defaultText: '1h',
    fromEnv: false,
  }),
} as const;

export type TokenOptions = Resolved<typeof tokenOptions>;
