import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import { checkOptions, NON_EMPTY_STRING, type OptionRule, objectWith } from '../../manager/checks.js';
import type { DatafnLogger } from '../../manager/types.js';
import { DEFAULT_NAMESPACE_TEMPLATE, NamespaceTemplate } from '../../options/namespace-template.js';
import { invalidOption } from '../../protocol/errors.js';
import { namespaceProblem, principalsProblem } from '../../protocol/identifiers.js';
import { JWT_SECRET_EXPECTED, MIN_JWT_SECRET_BYTES } from '../../text/jwt.js';
import { isLoopback } from '../http/hosts-and-origins.js';
import { algorithmsOf, issuerKeys, MAX_CANDIDATE_KEYS } from './issuer-keys.js';
import { type ConnectRequest, type NamespaceGrant, type NamespaceProvider, refuse } from './provider.js';
import { redact } from './redact.js';

/** How {@link jwtNamespaceProvider} verifies tokens. Exactly one of `secret`, `publicKey` and `jwksUrl` is given. */
export interface JwtProviderOptions {
  /** Shared with the issuer, for HS256; at least 32 bytes (RFC 7518 section 3.2). A string is taken as UTF-8. */
  readonly secret?: string | Uint8Array | undefined;
  /**
   * The issuer's public key or certificate, as PEM. Its type decides the one algorithm: RSA is RS256 (2,048 bits or
   * more), a P-256 key is ES256, an Ed25519 key is EdDSA.
   */
  readonly publicKey?: string | undefined;
  /**
   * Where the issuer publishes its keys (RFC 7517): https, or http on this machine; at most 1 MiB. They are fetched
   * when the first token comes, again after 10 minutes, and for a key that is not among them at most every 30 seconds;
   * after a fetch that failed, not for 5 seconds. Keys that cannot be fetched again hold until they are an hour old.
   * RS256, PS256, ES256 and EdDSA. Keys that cannot be used are ignored; a token that names none is tried with at most
   * 16 of the others.
   */
  readonly jwksUrl?: string | undefined;
  /**
   * Certificates (PEM) to trust for `jwksUrl`, in place of those that Node.js trusts: its own list, and that of
   * `NODE_EXTRA_CA_CERTS`.
   */
  readonly ca?: string | undefined;
  /** What `iss` must be. Default: anything. */
  readonly issuer?: string | undefined;
  /** What `aud` must be or contain. Default: anything. */
  readonly audience?: string | undefined;
  /** Milliseconds that the clocks of issuer and server may differ: `exp` and `nbf` are that much more lenient. Default 0. */
  readonly clockToleranceMs?: number | undefined;
  /**
   * The namespace, with claims in braces. Default `user:{sub}`. Each claim must be a string, not empty, and without the
   * characters that separate the claims of the template (`:` in `tenant:{tid}:user:{sub}`).
   */
  readonly namespace?: string | undefined;
  /** The claim with the `actorId` of the client: a string, such as `sub`. Default: none. */
  readonly actorClaim?: string | undefined;
  /** The claim with its `principalIds`: an array of strings, or one string. Default: none. */
  readonly principalsClaim?: string | undefined;
  /**
   * Gets at level `info` why a token was refused, never with a part of it, and at level `warn` why keys could not be
   * fetched again. Default: silent.
   */
  readonly logger?: Pick<DatafnLogger, 'info' | 'warn'> | undefined;
}

const SECRET: OptionRule = {
  isSecret: true,
  expected: JWT_SECRET_EXPECTED,
  valid: (value) =>
    (typeof value === 'string' || value instanceof Uint8Array) &&
    Buffer.byteLength(value) >= MIN_JWT_SECRET_BYTES,
};
const TOLERANCE_MS: OptionRule = {
  expected: 'a number of milliseconds of at least 0',
  valid: (value) => Number.isFinite(value) && Number(value) >= 0,
};
const RULES = {
  secret: SECRET,
  publicKey: NON_EMPTY_STRING,
  jwksUrl: NON_EMPTY_STRING,
  ca: NON_EMPTY_STRING,
  issuer: NON_EMPTY_STRING,
  audience: NON_EMPTY_STRING,
  clockToleranceMs: TOLERANCE_MS,
  namespace: NON_EMPTY_STRING,
  actorClaim: NON_EMPTY_STRING,
  principalsClaim: NON_EMPTY_STRING,
  logger: objectWith('info', 'warn'),
} as const;

/** A key, or a way to find it, and the algorithms that it may be used with: never `none`, never what a token says. */
interface Verification {
  readonly key: KeyObject | JWTVerifyGetKey;
  readonly algorithms: readonly string[];
}

/**
 * A namespace provider that verifies JWTs (RFC 7519) and makes the namespace from their claims. A client is closed with
 * 4401 `Token expired` when its `exp` comes; a token without `exp` never expires.
 *
 * The algorithms follow from the key that was configured, whatever a token's header says, so that a public key is
 * never used as a secret.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for options out of range, or a key that cannot be used.
 */
export function jwtNamespaceProvider(options: JwtProviderOptions): NamespaceProvider {
  checkOptions('the options', options, RULES);
  const { clockToleranceMs = 0, logger } = options;
  const template = new NamespaceTemplate(options.namespace ?? DEFAULT_NAMESPACE_TEMPLATE);
  const { key, algorithms } = verificationOf(options);
  const verifyOptions: JWTVerifyOptions = {
    algorithms: [...algorithms],
    clockTolerance: clockToleranceMs / 1000,
    ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    ...(options.audience === undefined ? {} : { audience: options.audience }),
  };
  const refused = (why: string, request: ConnectRequest) => {
    const reason = redact(why, request);
    logger?.info('A token was refused', { why: reason });
    return refuse(request, `the token was refused: ${reason}`);
  };
  return async (request) => {
    const { token } = request;
    if (token === undefined) return undefined;
    let claims: JWTVerifyResult['payload'];
    try {
      ({ payload: claims } = await verify(token, key, verifyOptions));
    } catch (error) {
      const why = jwtRefusal(error, algorithms);
      if (why === undefined) throw error;
      return refused(why, request);
    }
    const filled = template.fill(claims);
    if ('problem' in filled) return refused(filled.problem, request);
    const standsFor = principalsIn(claims, options);
    if ('problem' in standsFor) return refused(standsFor.problem, request);
    return {
      ...standsFor,
      namespace: filled.namespace,
      expiresAtMs: claims.exp === undefined ? undefined : claims.exp * 1000 + clockToleranceMs,
    };
  };
}

/** Whom a client stands for by its claims; a claim that is not there names nobody. */
function principalsIn(
  claims: JWTVerifyResult['payload'],
  { actorClaim, principalsClaim }: JwtProviderOptions,
): Pick<NamespaceGrant, 'actorId' | 'principalIds'> | { readonly problem: string } {
  const claimOf = (name: string | undefined) =>
    name !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined;
  const [actorId, named] = [claimOf(actorClaim), claimOf(principalsClaim)];
  const principalIds = typeof named === 'string' ? [named] : named;
  if (actorId !== undefined && namespaceProblem(actorId) !== undefined)
    return { problem: `the claim "${actorClaim}" is not the id of an actor` };
  if (principalIds !== undefined && principalsProblem(principalIds) !== undefined)
    return { problem: `the claim "${principalsClaim}" is not a list of principals` };
  return {
    ...(actorId === undefined ? {} : { actorId: actorId as string }),
    ...(principalIds === undefined ? {} : { principalIds: principalIds as string[] }),
  };
}

function verificationOf({ secret, publicKey, jwksUrl, ca, logger }: JwtProviderOptions): Verification {
  const given = Object.entries({ secret, publicKey, jwksUrl }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    const got = given.length === 0 ? 'none of them' : given.map(([name]) => `\`${name}\``).join(' and ');
    throw invalidOption(`Expected exactly one of \`secret\`, \`publicKey\` and \`jwksUrl\`, got ${got}`);
  }
  if (ca !== undefined && jwksUrl === undefined)
    throw invalidOption('`ca` needs `jwksUrl`: add it, or drop `ca`');
  if (secret !== undefined) return { key: createSecretKey(Buffer.from(secret)), algorithms: ['HS256'] };
  if (publicKey !== undefined) return ofPublicKey(publicKey);
  return ofKeySet(jwksUrl as string, ca, logger);
}

function ofPublicKey(pem: string): Verification {
  // Node.js would take a private key and derive the public one; a verifier must not have it.
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw invalidOption(
      'Expected `publicKey` to be a public key, got a private one: keep that with the issuer',
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw invalidOption(
      'Expected `publicKey` to be a public key or a certificate as PEM, got text that is neither',
    );
  }
  // Of one key, one algorithm: of those of RSA, the one that everybody uses.
  const algorithms = algorithmsOf(key).filter((one) => one !== 'PS256');
  if (algorithms.length > 0) return { key, algorithms };
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const got = [type, details?.namedCurve, details?.modulusLength && `${details.modulusLength} bits`];
  throw invalidOption(
    `Expected \`publicKey\` to be RSA of at least 2048 bits, P-256 or Ed25519, got ${got.filter(Boolean).join(' ')}`,
  );
}

function ofKeySet(
  jwksUrl: string,
  ca: string | undefined,
  logger: JwtProviderOptions['logger'],
): Verification {
  const url = URL.canParse(jwksUrl) ? new URL(jwksUrl) : undefined;
  // An attacker who can change the keys in transit can sign any token.
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback(url.hostname))) {
    throw invalidOption(
      'Expected `jwksUrl` to be an https: URL, or an http: URL of this machine, got another',
    );
  }
  return {
    key: issuerKeys(url, ca, (error) =>
      logger?.warn('Cannot refresh the keys of the issuer; the old keys stay in use', { error }),
    ),
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
  };
}

/** What is thrown once a signature is valid: another key would not help. */
const ABOUT_CLAIMS = [errors.JWTExpired, errors.JWTClaimValidationFailed, errors.JWTInvalid];

/** Verifies with the key, or with each key of a set that could be the one of a token without a key id. */
async function verify(
  token: string,
  key: Verification['key'],
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  if (typeof key !== 'function') return jwtVerify(token, key, options);
  try {
    return await jwtVerify(token, key, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    let tried = 0;
    for await (const candidate of error) {
      if (tried === MAX_CANDIDATE_KEYS) throw error;
      tried += 1;
      try {
        return await jwtVerify(token, candidate, options);
      } catch (wrong) {
        if (ABOUT_CLAIMS.some((kind) => wrong instanceof kind)) throw wrong;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** Why a token was refused, for the log; `undefined` for other errors, such as keys that cannot be fetched. */
function jwtRefusal(error: unknown, algorithms: readonly string[]): string | undefined {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error);
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is not valid';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer publishes no key for it';
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return `it names no key (\`kid\`), and the issuer publishes more than ${MAX_CANDIDATE_KEYS} that could be it`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `it is not signed with ${algorithms.join(' or ')}`;
  }
  const isMalformed = [errors.JWTInvalid, errors.JWSInvalid, errors.JOSENotSupported].some(
    (kind) => error instanceof kind,
  );
  return isMalformed ? `it is not a valid JWT: ${(error as Error).message}` : undefined;
}

function claimRefusal({ claim, reason, message }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `the claim "${claim}" is missing`;
  if (claim === 'nbf' && reason === 'check_failed') return 'it is not valid yet';
  if (reason === 'check_failed') return `the claim "${claim}" does not have the expected value`;
  return message;
}
