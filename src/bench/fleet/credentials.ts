import { randomBytes } from 'node:crypto';
import { NO_PREFIX } from '../../options/checks.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { MAX_NAMESPACE_LENGTH } from '../../protocol/identifiers.js';
import type { TokenWay } from '../../protocol/upgrade.js';
import { type JwtClaims, signJwt } from '../../text/jwt.js';
import type { EmitTemplate } from '../emitter/emitter.js';
import type { Scenario } from '../model/scenario.js';

/** Where the tokens of bench's clients come from. */
export type Credentials =
  /** The token is the namespace, as the `dev` provider of `serve` has it. */
  | { readonly kind: 'namespace' }
  /** A text in which `{namespace}`, `{cohort}` and `{i}` are filled in. */
  | { readonly kind: 'template'; readonly template: string }
  /** Known tokens, by index of the namespace; its clients share its tokens in rotation. */
  | { readonly kind: 'listed'; readonly tokens: readonly (readonly string[])[] }
  /** A JWT (RFC 7519) signed with HS256, made of claims in whose texts the same is filled in. */
  | { readonly kind: 'jwt'; readonly secret: string; readonly claims: JwtClaims };

/** Who a token is for. */
export interface TokenHolder {
  readonly namespace: string;
  /** Index of the namespace in the scenario. */
  readonly namespaceIndex: number;
  readonly cohort: string;
  /** Number of the client within its cohort, from 0. */
  readonly index: number;
}

/**
 * A token that no server takes. A control character is in no namespace, and in no JWT either; a header cannot have one,
 * but it can have a token that is longer than any namespace.
 */
export function badToken(via: TokenWay): string {
  return via === 'header' ? `bad-token-${'x'.repeat(MAX_NAMESPACE_LENGTH)}` : 'bad\u0001token';
}

/** How long a token that bench signs is valid: longer than any run. */
const LIFETIME_S = 24 * 3600;

export function tokenFor(credentials: Credentials, holder: TokenHolder): string {
  switch (credentials.kind) {
    case 'namespace':
      return holder.namespace;
    case 'template':
      return fillIn(credentials.template, holder);
    case 'listed': {
      const tokens = credentials.tokens[holder.namespaceIndex] ?? [];
      return tokens[holder.index % tokens.length] ?? '';
    }
    case 'jwt':
      return jwtFor(credentials.claims, credentials.secret, holder);
  }
}

function fillIn(template: string, { namespace, cohort, index }: TokenHolder): string {
  return template.replace(/\{(namespace|cohort|i)\}/g, (_, name: string) =>
    name === 'namespace' ? namespace : name === 'cohort' ? cohort : String(index),
  );
}

/** A JWT with the holder filled in: issued now, and good for longer than the run unless the claims say otherwise. */
function jwtFor(claims: JwtClaims, secret: string, holder: TokenHolder): string {
  const filled = Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [
      name,
      typeof value === 'string' ? fillIn(value, holder) : value,
    ]),
  );
  const nowS = Math.floor(Date.now() / 1000);
  return signJwt({ iat: nowS, exp: nowS + LIFETIME_S, ...filled }, secret);
}

/** Stands for the id of the run, in namespaces, tokens and emits. */
const RUN = '{run}';
/** Keeps a run out of the namespaces that a server has already, and out of those of other runs. */
const DEFAULT_PREFIX = `bench-${RUN}:`;

/** What decides on the names of a run. */
export interface NamingOptions {
  readonly urls: readonly string[];
  readonly credentials: Credentials;
  /** Put before every namespace, with `{run}`; `undefined` leaves it to the scenario and the tokens. */
  readonly namespacePrefix: string | undefined;
  readonly emitTemplate: EmitTemplate | undefined;
}

/** What a run works with: its own namespaces, and `{run}` filled in everywhere. */
export interface NamedRun {
  readonly scenario: Scenario;
  readonly credentials: Credentials;
  readonly emitTemplate: EmitTemplate | undefined;
  /** What stands before every namespace; empty for nothing. */
  readonly namespacePrefix: string;
}

/** A name for a run that no other run has. */
export function newRunId(): string {
  return randomBytes(4).toString('hex');
}

/**
 * Gives a run its names.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a prefix that the namespaces or the tokens cannot have.
 */
export function nameRun(scenario: Scenario, options: NamingOptions, run: string): NamedRun {
  const named = (text: string) => text.replaceAll(RUN, run);
  const namespacePrefix = named(prefixOf(scenario, options));
  const rename = (namespace: string) => namespacePrefix + named(namespace);
  return {
    scenario: {
      ...scenario,
      namespaces: scenario.namespaces.map(rename),
      cohorts: scenario.cohorts.map((cohort) =>
        cohort.hello?.namespace === undefined
          ? cohort
          : { ...cohort, hello: { namespace: rename(cohort.hello.namespace) } },
      ),
    },
    credentials: nameTokens(options.credentials, named),
    emitTemplate: options.emitTemplate && {
      ...options.emitTemplate,
      url: named(options.emitTemplate.url),
      body: options.emitTemplate.body && named(options.emitTemplate.body),
    },
    namespacePrefix,
  };
}

function prefixOf(scenario: Scenario, { urls, credentials, namespacePrefix }: NamingOptions): string {
  const longest = Math.max(0, ...scenario.namespaces.map(({ length }) => length));
  const given = namespacePrefix ?? scenario.namespacePrefix;
  if (given === undefined) {
    // A server of bench's own has no namespaces beside those of the run, and other tokens are for namespaces as they are.
    const isFree =
      urls.length > 0 &&
      isNamespaceToken(credentials) &&
      !scenario.namespaces.some((namespace) => namespace.includes(RUN)) &&
      DEFAULT_PREFIX.length + RUN.length + longest <= MAX_NAMESPACE_LENGTH;
    return isFree ? DEFAULT_PREFIX : '';
  }
  if (given === NO_PREFIX) return '';
  if (credentials.kind === 'listed') {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected no prefix of namespaces with --tokens-file, which says the namespace of each token, got ${given}: use --namespace-prefix ${NO_PREFIX}.`,
    );
  }
  if (given.length + RUN.length + longest > MAX_NAMESPACE_LENGTH) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected --namespace-prefix to leave namespaces at most ${MAX_NAMESPACE_LENGTH} characters long, got ${given} for one of ${longest}.`,
    );
  }
  return given;
}

/** Whether the token of a client is its namespace, as the `dev` provider of `serve` has it. */
function isNamespaceToken(credentials: Credentials): boolean {
  return (
    credentials.kind === 'namespace' ||
    (credentials.kind === 'template' && credentials.template === '{namespace}')
  );
}

function nameTokens(credentials: Credentials, named: (text: string) => string): Credentials {
  switch (credentials.kind) {
    case 'template':
      return { ...credentials, template: named(credentials.template) };
    case 'jwt':
      return {
        ...credentials,
        claims: Object.fromEntries(
          Object.entries(credentials.claims).map(([name, value]) => [
            name,
            typeof value === 'string' ? named(value) : value,
          ]),
        ),
      };
    default:
      return credentials;
  }
}
