import { randomBytes } from 'node:crypto';
import { NO_PREFIX } from '../../options/checks.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { MAX_NAMESPACE_LENGTH } from '../../protocol/identifiers.js';
import type { EmitTemplate } from '../emitter/lane.js';
import type { Credentials } from '../fleet/credentials.js';
import type { Scenario } from '../model/scenario.js';

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
