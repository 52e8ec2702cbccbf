import type { ChalkInstance } from 'chalk';
import { emitOptions } from '../../options/emit.js';
import type { ServeOptions } from '../../options/serve.js';
import { printable } from '../../protocol/printable.js';
import type { ListenAddress } from '../../server/create-server.js';
import { version } from '../version.js';

/** What a person can try the server with. */
export interface Example {
  readonly namespace: string;
  /** What a client of that namespace puts into `?token=`; a stand-in for a secret. Left out when it needs none. */
  readonly token?: string;
  /** A command that prints such a token. */
  readonly tokenCommand?: string;
}

/**
 * What a person sees when the server is ready: a URL to paste, and an emit command that works as it stands.
 *
 * @param example whom to emit to, and as whom to connect.
 * @param trust the flag that `emit` wants for the server's certificate.
 */
export function banner(
  { wsUrl, apiUrl }: ListenAddress,
  options: ServeOptions,
  colors: ChalkInstance,
  { namespace, token, tokenCommand }: Example,
  trust = '',
): string {
  const url = token === undefined ? wsUrl : `${wsUrl}?token=${token}`;
  const emit = [
    'npx datafn-ws emit 42 -n',
    shellWord(namespace),
    apiUrl === emitOptions.url.default ? '' : `--url ${apiUrl}`,
    trust,
    options.adminToken === undefined ? '' : '--admin-token "$DATAFN_WS_ADMIN_TOKEN"',
  ];
  const remote = wsUrl.replace(/^ws/, 'http').replace(/\/ws$/, '');
  return [
    '',
    `  ${colors.bold('datafn-ws')} ${version} is ready`,
    '',
    `  ${colors.dim('WebSocket')}      ${colors.cyan(url)}`,
    `  ${colors.dim('DataFn remote')}  ${colors.cyan(remote)}`,
    `  ${colors.dim('HTTP API')}       ${colors.cyan(apiUrl)}`,
    '',
    ...(tokenCommand === undefined
      ? []
      : [`  Make a token for ${printable(namespace)}:`, `    ${colors.green(tokenCommand)}`, '']),
    '  Emit a cursor from another terminal:',
    `    ${colors.green(emit.filter((part) => part !== '').join(' '))}`,
    '',
    `  ${colors.dim('Ctrl-C stops it.')}`,
    '',
    '',
  ].join('\n');
}

/** A text as one word of a shell command, fit to be shown: what cannot be is written as the escapes of `$'…'`. */
export function shellWord(text: string): string {
  if (/^[\w:.@/=-]+$/.test(text)) return text;
  if (printable(text) !== text) return `$'${printable(text.replace(/[\\']/g, '\\$&'))}'`;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
