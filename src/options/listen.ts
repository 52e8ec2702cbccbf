import { namespaceMismatch } from '../protocol/identifiers.js';
import { TOKEN_COOKIE, TOKEN_QUERY, TOKEN_SUBPROTOCOL_PREFIX, TOKEN_WAYS } from '../protocol/upgrade.js';
import { tokenProblem } from './checks.js';
import { adminTokenOption, apiUrlOption, trustOptions } from './emit.js';
import { choice, eitherWay, list, text, toggle } from './kinds.js';
import { serverTable } from './server-options.js';
import type { Resolved } from './spec.js';
import { listenUrlProblem, maskedUrl } from './urls.js';

/** `--token-via`, for `listen` and `bench`. */
export const tokenViaOption = (what: string) =>
  choice(TOKEN_WAYS, {
    placeholder: 'WAY',
    help: `${what}: ?${TOKEN_QUERY}=, Authorization: Bearer, the cookie ${TOKEN_COOKIE} or the subprotocol ${TOKEN_SUBPROTOCOL_PREFIX}….`,
    default: 'query',
  });

/** Every option of `datafn-ws listen`. */
export const listenOptions = {
  url: text({
    placeholder: 'URL',
    help: 'Where to connect: a ws: URL, or the http: URL of the server or of the DataFn remote.',
    default: `ws://${serverTable.host.default}:${serverTable.port.default}${serverTable.path.default}`,
    check: listenUrlProblem,
    masked: maskedUrl,
  }),
  namespace: list({
    short: 'n',
    placeholder: 'NS',
    help: 'Namespace to listen to, for a server with --auth dev, where the namespace is the token.',
    check: namespaceMismatch,
  }),
  token: text({
    placeholder: 'TOKEN',
    help: 'Token to connect with; prefer DATAFN_WS_TOKEN.',
    default: undefined as string | undefined,
    isSecret: true,
    check: tokenProblem,
  }),
  tokenVia: tokenViaOption('How to send the token'),
  ...trustOptions,
  reconnect: eitherWay({
    help: 'Reconnect when the connection ends, as DataFn clients do (the default).',
    negatedHelp: 'Exit when the connection ends.',
    fromEnv: false,
  }),
  pings: toggle({ help: "Also show the server's pings.", fromEnv: false }),
  json: toggle({ help: 'Print everything as JSON lines to stdout.', fromEnv: false }),
} as const;

export type ListenOptions = Resolved<typeof listenOptions>;

/** Every option of `datafn-ws who`. */
export const whoOptions = {
  namespace: list({
    short: 'n',
    placeholder: 'NS',
    help: 'Namespace whose clients to list; without it, the namespaces are listed.',
    check: namespaceMismatch,
  }),
  url: apiUrlOption,
  adminToken: adminTokenOption,
  ...trustOptions,
  json: toggle({ help: 'Print the answer as one line of JSON.', fromEnv: false }),
} as const;
