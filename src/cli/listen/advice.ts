import { redirectHint } from '../../bench/target/preflight.js';
import { unreachable } from '../../emit/unreachable.js';
import type { ConnectionEnd } from '../../listen/connection.js';
import { maskedUrl } from '../../options/urls.js';
import { closeMeaning } from '../../protocol/close-codes.js';

/** Where the token of a listener came from. */
export type TokenOrigin = 'namespace' | 'token' | 'url' | 'none';

/** How a connection ended, in a sentence, and what to do about it, if anything. */
export function explainEnd(end: ConnectionEnd, url: string, token: TokenOrigin): string {
  switch (end.kind) {
    case 'unreachable':
      return unreachable(maskedUrl(url), end.error).message;
    case 'breach':
      return `the answer to the upgrade breaks RFC 6455: ${end.what}. Is it a WebSocket server?`;
    case 'answered': {
      const words = (end.detail ?? end.statusText).slice(0, MAX_WORDS).replace(/\.$/, '');
      return `refused with HTTP ${end.status}${words === '' ? '' : `: ${words}`}. ${statusAdvice(end, url, token)}`.trim();
    }
    case 'closed': {
      const { code, reason, wasConnected, error } = end;
      if (code === 1006) return `lost the connection${error === undefined ? '' : `: ${error}`}`;
      const meaning = closeMeaning(code, reason);
      const what = `${wasConnected ? 'closed' : 'refused'} with ${code}${reason === '' ? '' : ` ${reason}`}`;
      const advice = code === 4401 || code === 4403 ? `. ${tokenAdvice(token)}` : '';
      return `${what}${meaning === undefined ? '' : `: ${meaning}`}${advice}`;
    }
  }
}

/** As much of a server's own words as is shown. */
const MAX_WORDS = 500;

function statusAdvice(
  { status, location }: { readonly status: number; readonly location: string | undefined },
  url: string,
  token: TokenOrigin,
): string {
  if (location !== undefined && status >= 300 && status < 400) return redirectHint(url, location);
  if (status === 401 || status === 403) return tokenAdvice(token);
  if (status === 404 || status === 405 || status === 426 || status < 300)
    return `Is the path of --url right? datafn-ws serve has it at /datafn/ws, got ${new URL(url).pathname}.`;
  if (status === 429) return 'The server takes no more connections from this address.';
  return status >= 500 ? 'The server, or a proxy in front of it, is not ready.' : '';
}

function tokenAdvice(token: TokenOrigin): string {
  switch (token) {
    case 'none':
      return 'Pass a token with --token, or for a server with --auth dev a namespace: -n user:alice';
    case 'namespace':
      return 'A namespace is a token for --auth dev only: pass a token of this server with --token';
    case 'token':
      return 'Check the token, and with --token-via where the server looks for it';
    case 'url':
      return 'Check the token in --url';
  }
}
