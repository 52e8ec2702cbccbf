import { isTlsRedisUrl } from '../../backplane/redis/url.js';
import type { AUTH_KINDS, ServeOptions } from '../../options/serve-flags.js';
import { envOf, flagOf } from '../../options/spec.js';
import { invalidOption, messageOf } from '../../protocol/errors.js';
import type { JwtProviderOptions } from '../../server/auth/jwt.js';
import { loadNamespaceProvider } from '../../server/auth/module.js';
import type { NamespaceProvider } from '../../server/auth/provider.js';
import { namespaceOf, type TokenGrant, tokensNamespaceProvider } from '../../server/auth/tokens.js';
import { shellWord } from '../../text/shell.js';
import type { AuthSource } from '../../workers/messages.js';
import { openInput, readInput, readJwtSecret, readTextInput, readTrust } from '../input-files.js';
import type { Example } from './banner.js';
import type { TracedServeOptions } from './config.js';
import type { Log } from './log.js';

/** The source of namespaces that `--auth` selects. */
export interface Auth {
  /** Left out for `dev`, which is built in. */
  readonly provider?: NamespaceProvider;
  /** The same as plain data, for workers. */
  readonly source: AuthSource;
  /** Its file that SIGHUP reloads. */
  readonly tokens?: TokensFile;
  /** Takes the tokens of that file anew. */
  replaceTokens?(tokens: ReadonlyMap<string, TokenGrant>): void;
  readonly example: Example;
}

/** A file of tokens. */
export interface TokensFile {
  readonly file: string;
  read(): Promise<ReadonlyMap<string, TokenGrant>>;
}

/** The namespace of the examples. */
const ALICE = 'user:alice';

type Key = keyof TracedServeOptions['values'];

/** The options that belong to one `--auth` only. */
const OWN_OPTIONS: Readonly<Record<(typeof AUTH_KINDS)[number], readonly Key[]>> = {
  dev: ['anonymousNamespace'],
  tokens: ['tokens'],
  jwt: [
    'jwtSecret',
    'jwtSecretFile',
    'jwtPublicKey',
    'jwtJwksUrl',
    'ca',
    'jwtIssuer',
    'jwtAudience',
    'jwtClockTolerance',
    'jwtNamespace',
    'jwtActorClaim',
    'jwtPrincipalsClaim',
  ],
  module: ['authModule'],
};

/** The flags of the library's JWT options. */
const FLAGS_OF_JWT: Readonly<Record<string, string>> = {
  ca: '--ca',
  publicKey: '--jwt-public-key',
  jwksUrl: '--jwt-jwks-url',
};

/**
 * Makes the provider that `--auth` selects.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when an option is missing, not valid, or for another provider.
 */
export async function readAuth(traced: TracedServeOptions, log: Log): Promise<Auth> {
  const { values } = traced;
  refuseForeignOptions(traced);
  switch (values.auth) {
    case 'dev':
      return { source: { kind: 'dev' }, example: devExample(values.anonymousNamespace) };
    case 'tokens':
      return tokensAuth(values.tokens ?? missing('tokens', '--tokens FILE'), traced.origins.tokens.from);
    case 'jwt':
      return { ...(await jwtAuth(traced, log)), example: jwtExample(values) };
    case 'module':
      return moduleAuth(
        values.authModule ?? missing('module', '--auth-module FILE'),
        traced.origins.authModule.from,
      );
  }
}

/** With `--auth dev`, the token is the namespace. */
export function devExample(anonymousNamespace: string | undefined): Example {
  return anonymousNamespace === undefined
    ? { namespace: ALICE, token: ALICE }
    : { namespace: anonymousNamespace };
}

/** With a secret, the example has a command that makes a token. The secret itself is not shown. */
export function jwtExample(values: ServeOptions): Example {
  const names = [...values.jwtNamespace.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name);
  const exampleOf = (name: string) => (name === 'sub' ? 'alice' : name);
  const example = {
    namespace: values.jwtNamespace.replace(/\{([^{}]+)\}/g, (_, name: string) => exampleOf(name)),
    token: 'JWT',
  };
  if (values.jwtSecret === undefined && values.jwtSecretFile === undefined) return example;
  const claims = new Map(names.map((name) => [name, exampleOf(name)]));
  if (values.jwtIssuer !== undefined) claims.set('iss', values.jwtIssuer);
  if (values.jwtAudience !== undefined) claims.set('aud', values.jwtAudience);
  const words = [...claims].map(([name, value]) => `--claim ${shellWord(`${name}=${value}`)}`);
  const command = ['npx datafn-ws token', ...words].join(' ');
  // `token` reads the variable itself.
  return values.jwtSecretFile === undefined
    ? { ...example, tokenCommand: command, tokenVariable: envOf('jwtSecret') }
    : { ...example, tokenCommand: `${command} --secret-file ${shellWord(values.jwtSecretFile)}` };
}

/** Refuses options that would do nothing, except those of the environment: they may be for another command. */
function refuseForeignOptions({ values, origins }: TracedServeOptions): void {
  const problems = Object.entries(OWN_OPTIONS)
    .filter(([kind]) => kind !== values.auth)
    .flatMap(([kind, keys]) =>
      keys
        .filter((key) => ['flag', 'config'].includes(origins[key].kind))
        // It is for the engine of the cluster, too.
        .filter((key) => key !== 'ca' || !isTlsRedisUrl(values.cluster))
        .map((key) => {
          const where = origins[key].kind === 'flag' ? '' : ` (${origins[key].from})`;
          return origins.auth.kind === 'default'
            ? `--${flagOf(key)}${where} needs --auth ${kind}; the default is --auth ${values.auth}.`
            : `--${flagOf(key)}${where} needs --auth ${kind}, got --auth ${values.auth}: drop one of them.`;
        }),
    );
  if (problems.length > 0) throw invalidOption(problems.join('\n'));
}

async function tokensAuth(file: string, from: string): Promise<Auth> {
  const tokens = await readTokens(file, from);
  const provider = tokensNamespaceProvider(tokens);
  const [first = ALICE] = tokens.values();
  return {
    provider,
    source: { kind: 'tokens', tokens: [...tokens] },
    example: { namespace: namespaceOf(first), token: 'TOKEN' },
    tokens: { file, read: () => readTokens(file, from) },
    replaceTokens: (others) => provider.replace(others),
  };
}

async function moduleAuth(file: string, from: string): Promise<Auth> {
  // The loader's error names no flag.
  (await openInput(file, from)).destroy();
  return {
    provider: await loadNamespaceProvider(file),
    source: { kind: 'module', file },
    example: { namespace: ALICE, token: 'TOKEN' },
  };
}

async function readTokens(file: string, from: string): Promise<ReadonlyMap<string, TokenGrant>> {
  // Loaded on demand, as jose is below: a server with --auth dev needs neither package.
  const { parseTokens } = await import('../../server/auth/tokens-file.js');
  return parseTokens(await readTextInput(file, from), file);
}

async function jwtAuth(traced: TracedServeOptions, log: Log): Promise<Pick<Auth, 'provider' | 'source'>> {
  const { values, origins } = traced;
  const given = (['jwtSecret', 'jwtSecretFile', 'jwtPublicKey', 'jwtJwksUrl'] as const).filter(
    (key) => values[key] !== undefined,
  );
  const [key] = given;
  if (key === undefined)
    return missing(
      'jwt',
      '--jwt-secret SECRET, --jwt-secret-file FILE, --jwt-public-key FILE or --jwt-jwks-url URL',
    );
  if (given.length > 1) {
    throw invalidOption(
      `Expected one key for --auth jwt, got ${given.map((one) => origins[one].from).join(' and ')}.`,
    );
  }
  const { jwtSecret, jwtSecretFile, jwtPublicKey } = values;
  const secret =
    jwtSecretFile === undefined ? jwtSecret : await readJwtSecret(jwtSecretFile, origins.jwtSecretFile.from);
  const options = {
    publicKey:
      jwtPublicKey === undefined
        ? undefined
        : (await readInput(jwtPublicKey, origins.jwtPublicKey.from)).toString(),
    jwksUrl: values.jwtJwksUrl,
    ca: await readIssuerTrust(traced),
    issuer: values.jwtIssuer,
    audience: values.jwtAudience,
    clockToleranceMs: values.jwtClockTolerance,
    namespace: values.jwtNamespace,
    actorClaim: values.jwtActorClaim,
    principalsClaim: values.jwtPrincipalsClaim,
  };
  const logger: JwtProviderOptions['logger'] = {
    // The line of the refused client says why.
    info: () => {},
    warn: (text, { error } = {}) =>
      log.add({ level: 'warn', event: 'keys.stale', text: `${text}: ${error}`, fields: { error } }),
  };
  const { jwtNamespaceProvider } = await import('../../server/auth/jwt.js');
  try {
    const provider = jwtNamespaceProvider({ ...options, secret, logger });
    const secretBase64 = secret && Buffer.from(secret).toString('base64');
    return { provider, source: { kind: 'jwt', options, secretBase64 } };
  } catch (error) {
    throw invalidOption(
      messageOf(error).replace(/`(\w+)`/g, (_, name: string) => FLAGS_OF_JWT[name] ?? name),
    );
  }
}

/** The certificates to trust at `--jwt-jwks-url`. */
async function readIssuerTrust({ values, origins }: TracedServeOptions): Promise<string | undefined> {
  const { ca, jwtJwksUrl } = values;
  // A variable may be there for another command.
  if (jwtJwksUrl === undefined && (origins.ca.kind === 'environment' || isTlsRedisUrl(values.cluster)))
    return undefined;
  return (await readTrust({ ca, insecure: false }, [jwtJwksUrl]))?.ca;
}

function missing(kind: string, flags: string): never {
  throw invalidOption(`--auth ${kind} needs ${flags}.`);
}
