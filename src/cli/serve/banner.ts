import type { ChalkInstance } from 'chalk';
import { emitOptions } from '../../options/emit.js';
import { FAULT_PRESETS } from '../../options/fault-presets.js';
import { listenOptions } from '../../options/listen.js';
import type { ServeOptions } from '../../options/serve-flags.js';
import { envOf } from '../../options/spec.js';
import { maskedUrl } from '../../options/urls.js';
import type { ListenAddress } from '../../server/server-types.js';
import { printable } from '../../text/printable.js';
import { shellWord } from '../../text/shell.js';
import { version } from '../version.js';

/** What a person can try the server with. */
export interface Example {
  readonly namespace: string;
  /** What a client of that namespace puts into `?token=`; a stand-in for a secret. Left out when it needs none. */
  readonly token?: string;
  /** A command that prints such a token. */
  readonly tokenCommand?: string;
  /** A variable that this command reads; left out when it needs none. */
  readonly tokenVariable?: string;
}

/**
 * What a person sees when the server is ready: a URL to paste, and commands that work as they stand, given the variables
 * that are named.
 *
 * @param example the namespace to emit into, and the client to connect as.
 * @param trust the flag that `listen` and `emit` want for the server's certificate.
 */
export function banner(
  { wsUrl, apiUrl, metricsUrl }: ListenAddress,
  {
    adminToken,
    auth,
    dashboard,
    faults,
    proxy,
    demo = false,
  }: Pick<ServeOptions, 'adminToken' | 'auth' | 'dashboard' | 'faults' | 'proxy'> & {
    readonly demo?: boolean;
  },
  colors: ChalkInstance,
  { namespace, token, tokenCommand, tokenVariable }: Example,
  trust = '',
): string {
  const url = token === undefined ? wsUrl : `${wsUrl}?token=${token}`;
  const command = (...words: string[]) =>
    `    ${colors.green(['npx datafn-ws', ...words].filter((word) => word !== '').join(' '))}`;
  const who =
    token === undefined ? '' : auth === 'dev' ? `-n ${shellWord(namespace)}` : `--token ${shellWord(token)}`;
  const remote = wsUrl.replace(/^ws/, 'http').replace(/\/ws$/, '');
  const isSet = (variable: string | undefined) => (variable === undefined ? '' : `, with ${variable} set`);
  const adminTokenNote = isSet(adminToken === undefined ? undefined : envOf('adminToken'));
  return [
    '',
    `  ${colors.bold('datafn-ws')} ${version} is ready`,
    '',
    `  ${colors.dim('WebSocket')}      ${colors.cyan(url)}`,
    `  ${colors.dim('DataFn remote')}  ${colors.cyan(remote)}${proxy === undefined ? '' : ` → ${colors.cyan(maskedUrl(proxy))}`}`,
    `  ${colors.dim('HTTP API')}       ${colors.cyan(apiUrl)}`,
    ...(demo
      ? [`  ${colors.dim('Demo page')}      ${colors.cyan(`${apiUrl}/${demoQuery(auth, token)}`)}`]
      : []),
    ...(metricsUrl === undefined ? [] : [`  ${colors.dim('Metrics')}        ${colors.cyan(metricsUrl)}`]),
    ...(dashboard || auth === 'dev'
      ? [`  ${colors.dim('Dashboard')}      ${colors.cyan(`${apiUrl}/dashboard`)}`]
      : []),
    ...(faults === undefined
      ? []
      : [`  ${colors.dim('Faults')}         ${colors.yellow(`${faults}: ${FAULT_PRESETS[faults]}`)}`]),
    '',
    ...(tokenCommand === undefined
      ? []
      : [
          `  Make a token for ${printable(namespace)}${isSet(tokenVariable)}:`,
          `    ${colors.green(tokenCommand)}`,
          '',
        ]),
    '  Listen as a client, in another terminal:',
    command('listen', who, wsUrl === listenOptions.url.default ? '' : `--url ${wsUrl}`, trust),
    '',
    `  Emit a cursor, in a third terminal${adminTokenNote}:`,
    command(
      'emit 42 -n',
      shellWord(namespace),
      apiUrl === emitOptions.url.default ? '' : `--url ${apiUrl}`,
      trust,
    ),
    '',
    ...(faults === undefined
      ? []
      : [
          `  Clear the faults${adminTokenNote}:`,
          command('fault clear', apiUrl === emitOptions.url.default ? '' : `--url ${apiUrl}`, trust),
          '',
        ]),
    `  ${colors.dim('Press Ctrl-C to stop.')}`,
    '',
    '',
  ].join('\n');
}

/** With `--auth dev`, the demo page has a namespace of its own. */
function demoQuery(auth: ServeOptions['auth'], token: string | undefined): string {
  return auth === 'dev' || token === undefined ? '' : `?token=${token}`;
}
