import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import type { Credentials } from '../fleet/credentials.js';
import type { TrialOutcome } from './trial-client.js';

/** What to do about a server that refuses a client, or an emit. */
export const hintFor = {
  client(
    outcome: TrialOutcome,
    given: string,
    { credentials }: { readonly credentials: Credentials },
  ): string {
    if (outcome.kind === 'answered') {
      const { status, location } = outcome;
      if (location !== undefined && status >= 300 && status < 400) return redirectHint(given, location);
      if (status === 401 || status === 403) return `${tokenHint(credentials)} ${PROXY_HINT}`;
      if (status === 404 || status === 405 || status === 426 || (status >= 200 && status < 300))
        return `Is the path of --url right? datafn-ws serve has it at /datafn/ws, got ${new URL(given).pathname}.`;
      if (status === 400 || status === 421)
        return "Does it serve this host? Another Host can be sent with --header 'Host: NAME'.";
      if (status === 429) return 'It takes no more connections from this address.';
      if (status >= 500) return 'The server, or a proxy in front of it, is not ready.';
      return PREFLIGHT_HINT;
    }
    if (outcome.kind === 'closed') {
      if (outcome.code === 4401 || outcome.code === 4403) return tokenHint(credentials);
      if (outcome.code === 4503) return 'It has as many clients as it takes.';
      if (outcome.code === 1001) return 'It is shutting down.';
    }
    return PREFLIGHT_HINT;
  },

  emit(status: number | undefined, kind: 'api' | 'template'): string {
    const [token, url] = kind === 'api' ? ['--admin-token', '--admin-url'] : ['--emit-header', '--emit-url'];
    if (status === 401 || status === 403) return `Does it want another token? See ${token}.`;
    if (status !== undefined && status >= 300 && status < 400)
      return `Give the URL that it redirects to with ${url}.`;
    if (status !== undefined && status >= 500) return 'The server, or a proxy in front of it, is not ready.';
    return `See ${url}.`;
  },
} as const;

const PREFLIGHT_HINT = 'To run all the same, use --no-preflight.';
const PROXY_HINT = "For a proxy in front of it, see --header 'Name: value' and --origin.";

function tokenHint(credentials: Credentials): string {
  switch (credentials.kind) {
    case 'namespace':
      return "Clients show their namespace as the token: give real ones with --token-template, --tokens-file or --jwt-secret (or keep the scenario's namespaces with --namespace-prefix none).";
    case 'template':
      return 'Is --token-template right, and does --token-via say where the server looks for it?';
    case 'listed':
      return 'Are the tokens of --tokens-file right, and does --token-via say where the server looks for them?';
    case 'jwt':
      return 'Are --jwt-secret and --jwt-claims right, and does --token-via say where the server looks for the JWT?';
  }
}

/** Names the URL that a server redirects an upgrade to. */
export function redirectHint(given: string, location: string): string {
  if (!URL.canParse(location, given)) return 'Use the URL that it redirects to.';
  const to = new URL(location, given);
  to.search = '';
  to.protocol = /^(https|wss):$/.test(to.protocol) ? 'wss:' : 'ws:';
  return `It redirects: use --url ${to.href}`;
}

/** The error for a scenario that emits, where there is no API that takes cursors. */
export function noApi(cause: unknown): DatafnWsError {
  return new DatafnWsError(
    'ERR_INVALID_OPTION',
    `The scenario emits cursors, and the HTTP API does not take them: ${messageOf(cause)}. Expected --admin-url (and --admin-token, if it asks for one) of a datafn-ws server, or --emit-url for a server with an API of its own.`,
    { cause },
  );
}
