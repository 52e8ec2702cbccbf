import { DatafnWsError, distrustReason, isDistrust, messageOf } from '../protocol/errors.js';
import { CAN_TRUST_SYSTEM } from './system-certificates.js';

/** Advice for a Node.js that cannot use the system's certificates. */
const SYSTEM_HINT = CAN_TRUST_SYSTEM
  ? ''
  : ` Node.js ${process.version} cannot read the system's certificates; set NODE_EXTRA_CA_CERTS=FILE to add those of a file.`;
/** OpenSSL's messages for an answer that is not TLS. */
const NOT_TLS = /wrong version number|packet length too long|unknown protocol|http request/;
/** Codes of an answer that is not HTTP, such as TLS. */
const NOT_HTTP = /^HPE_/;
/** Codes of an unknown host name. */
const NO_HOST = /^(ENOTFOUND|EAI_AGAIN)$/;

/**
 * The error for a server that cannot be reached: why, and what to do about it.
 */
export function unreachable(url: string, error: unknown): DatafnWsError {
  const { why, advice } = explain(url, rootOf(error));
  return new DatafnWsError('ERR_UNREACHABLE', `Cannot reach ${url}: ${why}. ${advice}`, { cause: error });
}

interface Explanation {
  readonly why: string;
  readonly advice: string;
}

function explain(url: string, error: unknown): Explanation {
  const { code } = (error ?? {}) as { code?: unknown };
  const is = (pattern: RegExp) => typeof code === 'string' && pattern.test(code);
  const why = messageOf(error).split('\n', 1)[0] || String(code ?? 'the connection failed');
  if (NOT_TLS.test(why)) {
    return { why: 'the server does not speak TLS', advice: `Try ${url.replace('s:', ':')}` };
  }
  if (isDistrust(error)) {
    return {
      why: distrustReason(why),
      advice: `Trust its certificate with --ca FILE, or any certificate with --insecure.${SYSTEM_HINT}`,
    };
  }
  if (is(NO_HOST)) return { why, advice: 'Check the host name' };
  // A connection that ends in the middle of an answer (`aborted`) spoke HTTP.
  if (/^(http|ws):/.test(url) && (is(NOT_HTTP) || (is(/^ECONNRESET$/) && why !== 'aborted'))) {
    return { why, advice: `Is it a datafn-ws server? If it speaks TLS, try ${url.replace(':', 's:')}` };
  }
  return { why, advice: 'Is the server running? Start one with: npx datafn-ws serve' };
}

/** The error of a name with several addresses has an empty message, and the reasons inside. */
function rootOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}
