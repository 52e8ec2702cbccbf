import { BEHAVIORS } from '../../bench/behaviors/behaviors.js';

import type { EmitTemplate } from '../../bench/emitter/emitter.js';
import { type Credentials, tokenFor } from '../../bench/fleet/credentials.js';
import type { Scenario } from '../../bench/model/scenario.js';
import type { TlsTrust } from '../../emit/api-client.js';
import type { RunFlags } from '../../options/bench.js';
import { tokenProblem } from '../../options/checks.js';
import { invalidOption } from '../../protocol/errors.js';
import type { UpgradeSettings } from '../../protocol/upgrade.js';
import { namespaceOf } from '../../server/auth/tokens.js';
import { parseTokens } from '../../server/auth/tokens-file.js';
import { readTextInput, readTrust } from '../input-files.js';
import { isOwnServer } from './flag-needs.js';

/** What the flags say of servers that are not ours: tokens, upgrade requests, emits, certificates. */
export async function remoteOptions(
  options: RunFlags,
  scenario: Scenario,
): Promise<{
  credentials: Credentials;
  upgrade: UpgradeSettings;
  emitTemplate: EmitTemplate | undefined;
  tls: TlsTrust | undefined;
}> {
  const tls = await readTrust(options, [options.url, options.adminUrl, options.emitUrl].flat());
  const credentials = await credentialsOf(options, scenario);
  return {
    credentials,
    upgrade: upgradeOf(options, credentials, scenario),
    emitTemplate: emitTemplateOf(options, tls),
    tls,
  };
}

function upgradeOf(
  { header, origin, subprotocol, tokenVia }: RunFlags,
  credentials: Credentials,
  scenario: Scenario,
): UpgradeSettings {
  if (tokenVia === 'header') {
    if (header.some((line) => /^authorization:/i.test(line)))
      throw invalidOption('--token-via header sets the Authorization header: remove it from --header.');
    const unfit = sampleTokens(credentials, scenario).find((token) => tokenProblem(token) !== undefined);
    if (unfit !== undefined)
      throw invalidOption(
        `--token-via header takes tokens of visible ASCII characters only, got another for ${scenario.name}: use --token-via query, cookie or subprotocol.`,
      );
  }
  return { headers: header, origin, subprotocols: subprotocol, tokenVia };
}

/** A token for each namespace of each cohort, and all that a file has. Those of a JWT are always fit for a header. */
function sampleTokens(credentials: Credentials, { cohorts, namespaces }: Scenario): string[] {
  if (credentials.kind === 'jwt') return [];
  if (credentials.kind === 'listed') return credentials.tokens.flat();
  return cohorts
    .filter(({ behavior }) => BEHAVIORS[behavior].token === 'own')
    .flatMap(({ name: cohort, namespaces: indexes }) =>
      indexes.map((namespaceIndex) =>
        tokenFor(credentials, {
          namespace: namespaces[namespaceIndex] as string,
          namespaceIndex,
          cohort,
          index: 0,
        }),
      ),
    );
}

async function credentialsOf(options: RunFlags, scenario: Scenario): Promise<Credentials> {
  const { tokenTemplate, tokensFile, jwtSecret, jwtClaims } = options;
  // What the environment says then is meant for another server.
  if (isOwnServer(options)) return { kind: 'namespace' };
  const given = Object.entries({
    '--token-template': tokenTemplate,
    '--tokens-file': tokensFile,
    '--jwt-secret': jwtSecret,
  })
    .filter(([, value]) => value !== undefined)
    .map(([flag]) => flag);
  if (given.length > 1) throw invalidOption(`Pass only one of ${given.join(', ')}, got ${given.length}.`);
  if (tokenTemplate !== undefined) return { kind: 'template', template: tokenTemplate };
  if (jwtSecret !== undefined) return { kind: 'jwt', secret: jwtSecret, claims: JSON.parse(jwtClaims) };
  if (tokensFile !== undefined) return { kind: 'listed', tokens: await listedTokens(tokensFile, scenario) };
  return { kind: 'namespace' };
}

/** Reads a file of token: namespace, and sees to it that every namespace that needs a token has one. */
async function listedTokens(file: string, scenario: Scenario): Promise<string[][]> {
  const tokens = scenario.namespaces.map((): string[] => []);
  const indexes = new Map(scenario.namespaces.map((name, index) => [name, index]));
  for (const [token, grant] of parseTokens(await readTextInput(file, '--tokens-file'), file, 1)) {
    tokens[indexes.get(namespaceOf(grant)) ?? -1]?.push(token);
  }
  const needed = new Set(
    scenario.cohorts
      .filter(({ behavior }) => BEHAVIORS[behavior].token === 'own')
      .flatMap(({ namespaces }) => namespaces),
  );
  const without = [...needed]
    .filter((index) => tokens[index]?.length === 0)
    .map((index) => scenario.namespaces[index]);
  if (without.length > 0) {
    const more = without.length > 1 ? ` and ${without.length - 1} more` : '';
    throw invalidOption(
      `--tokens-file has no token for ${without[0]}${more}: add a token for every namespace of ${scenario.name}.`,
    );
  }
  return tokens;
}

function emitTemplateOf(options: RunFlags, tls: TlsTrust | undefined): EmitTemplate | undefined {
  const { emitUrl, emitMethod, emitBody, emitHeader } = options;
  if (emitUrl === undefined) {
    if (emitBody === undefined && emitHeader.length === 0) return undefined;
    throw invalidOption('--emit-body and --emit-header need --emit-url: add it.');
  }
  if (options.url.length === 0)
    throw invalidOption('--emit-url needs --url: add the WebSocket URL of your server.');
  if (!`${emitUrl}${emitBody ?? ''}`.includes('{cursor}')) {
    throw invalidOption('Missing {cursor}: put it into --emit-url or --emit-body.');
  }
  const given = Object.fromEntries(
    emitHeader.map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  const headers: Record<string, string> =
    emitBody === undefined ? {} : { 'content-type': 'application/json' };
  return { method: emitMethod, url: emitUrl, headers: { ...headers, ...given }, body: emitBody, tls };
}
