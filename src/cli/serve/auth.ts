import { readFileOfAnyKind } from '../../options/read-file.js';
import type { AUTH_KINDS } from '../../options/serve.js';
import { flagOf } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import type { JwtProviderOptions } from '../../server/auth/jwt.js';
import { loadNamespaceProvider } from '../../server/auth/module.js';
import type { NamespaceProvider } from '../../server/auth/provider.js';
import { tokensNamespaceProvider } from '../../server/auth/tokens.js';
import { readJwtSecret } from '../jwt-secret.js';
import { readTrust } from '../trust.js';
import { ALICE, devExample, jwtExample } from './auth-example.js';
import type { Example } from './banner.js';
import type { TracedServeOptions } from './config.js';
import type { Log } from './log.js';
import type { Reloadable } from './reload.js';

/** Who says what a client's namespace is. */
export interface Auth {
  /** Left out for the server's own, `dev`. */
  readonly provider?: NamespaceProvider;
  /** Its part that can be read again. */
  readonly reloadable?: Reloadable;
  readonly example: Example;
}

type Key = keyof TracedServeOptions['values'];

/** The options that one `--auth` has to itself. */
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
  ],
  module: ['authModule'],
};

/** What the library's options for JWTs are called here. */
const FLAGS_OF_JWT: Readonly<Record<string, string>> = {
  ca: '--ca',
  publicKey: '--jwt-public-key',
  jwksUrl: '--jwt-jwks-url',
};

/**
 * The provider that `--auth` names, made of the options that belong to it.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when one is missing, is for another provider, or cannot be used.
 */
export async function readAuth(traced: TracedServeOptions, log: Log): Promise<Auth> {
  const { values } = traced;
  refuseForeignOptions(traced);
  switch (values.auth) {
    case 'dev':
      return { example: devExample(values.anonymousNamespace) };
    case 'tokens':
      return tokensAuth(values.tokens ?? missing('tokens', '--tokens FILE'), traced.origins.tokens.from);
    case 'jwt':
      return { provider: await jwtProvider(traced, log), example: jwtExample(values) };
    case 'module':
      return {
        provider: await loadNamespaceProvider(values.authModule ?? missing('module', '--auth-module FILE')),
        example: { namespace: ALICE, token: 'TOKEN' },
      };
  }
}

/** An option that does nothing is a misunderstanding. One of the environment may be there for another command. */
function refuseForeignOptions({ values, origins }: TracedServeOptions): void {
  const problems = Object.entries(OWN_OPTIONS)
    .filter(([kind]) => kind !== values.auth)
    .flatMap(([kind, keys]) =>
      keys
        .filter((key) => ['flag', 'config'].includes(origins[key].kind))
        .map((key) => {
          const where = origins[key].kind === 'flag' ? '' : ` (${origins[key].from})`;
          return origins.auth.kind === 'default'
            ? `--${flagOf(key)}${where} needs --auth ${kind}: add it. Without --auth, it is ${values.auth}.`
            : `Expected --${flagOf(key)}${where} with --auth ${kind} only, got --auth ${values.auth}: leave one of them out.`;
        }),
    );
  if (problems.length > 0) throw invalid(problems.join('\n'));
}

async function tokensAuth(file: string, from: string): Promise<Auth> {
  const tokens = await readTokens(file, from);
  const provider = tokensNamespaceProvider(tokens);
  const [namespace = ALICE] = tokens.values();
  return {
    provider,
    example: { namespace, token: 'TOKEN' },
    reloadable: {
      what: 'the tokens file',
      files: [file],
      async read() {
        const others = await readTokens(file, from);
        return () => provider.replace(others);
      },
    },
  };
}

/** As `readTokensFile`, with the flag in place of what the library calls the file. */
async function readTokens(file: string, from: string): Promise<ReadonlyMap<string, string>> {
  try {
    // Loaded when it is called for, as jose is below: neither package is needed to start a server with --auth dev.
    const { readTokensFile } = await import('../../server/auth/tokens-file.js');
    return await readTokensFile(file);
  } catch (error) {
    throw invalid(messageOf(error).replace(/^Expected the tokens file/, `Expected ${from}`));
  }
}

async function jwtProvider(traced: TracedServeOptions, log: Log): Promise<NamespaceProvider> {
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
    throw invalid(
      `Expected one key for --auth jwt, got ${given.map((one) => origins[one].from).join(' and ')}.`,
    );
  }
  const { jwtSecret, jwtSecretFile, jwtPublicKey } = values;
  const options: JwtProviderOptions = {
    secret:
      jwtSecretFile === undefined
        ? jwtSecret
        : await readJwtSecret(jwtSecretFile, origins.jwtSecretFile.from),
    publicKey:
      jwtPublicKey === undefined ? undefined : await readKey(jwtPublicKey, origins.jwtPublicKey.from),
    jwksUrl: values.jwtJwksUrl,
    ca: await readIssuerTrust(traced),
    issuer: values.jwtIssuer,
    audience: values.jwtAudience,
    clockToleranceMs: values.jwtClockTolerance,
    namespace: values.jwtNamespace,
    logger: {
      // The line of the refused client says it.
      info: () => {},
      warn: (text, { error } = {}) =>
        log.add({ level: 'warn', event: 'keys.stale', text: `${text}: ${error}`, fields: { error } }),
    },
  };
  const { jwtNamespaceProvider } = await import('../../server/auth/jwt.js');
  try {
    return jwtNamespaceProvider(options);
  } catch (error) {
    throw invalid(messageOf(error).replace(/`(\w+)`/g, (_, name: string) => FLAGS_OF_JWT[name] ?? name));
  }
}

/** The certificates of `--ca`, which an URL without TLS does not need; without them, those of the system count. */
async function readIssuerTrust({ values, origins }: TracedServeOptions): Promise<string | undefined> {
  const { ca, jwtJwksUrl } = values;
  // One of the environment may be there for another command.
  if (jwtJwksUrl === undefined && origins.ca.kind === 'environment') return undefined;
  return (await readTrust({ ca, insecure: false }, [jwtJwksUrl]))?.ca;
}

async function readKey(file: string, from: string): Promise<string> {
  try {
    return (await readFileOfAnyKind(file)).toString();
  } catch (error) {
    throw invalid(`Expected ${from} to be a file that can be read: ${messageOf(error)}`);
  }
}

function missing(kind: string, flags: string): never {
  throw invalid(`Expected ${flags} with --auth ${kind}, got none.`);
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}
