import { DatafnWsError, distrustReason, isDistrust, messageOf } from '../protocol/errors.js';
import { CAN_TRUST_SYSTEM } from './system-certificates.js';

/** What holds where the certificates of the system cannot be used. */
const SYSTEM_HINT = CAN_TRUST_SYSTEM
  ? ''
  : ` Node.js ${process.version} does not read the system's certificates: with NODE_EXTRA_CA_CERTS=FILE in the environment it trusts those of a file as well.`;
/** OpenSSL's words for an answer that is no TLS. */
const NOT_TLS = /wrong version number|packet length too long|unknown protocol|http request/;
/** Codes of an answer that is no HTTP, which is what TLS looks like to who does not speak it. */
const NOT_HTTP = /^HPE_/;
/** Codes of a host name that is none. */
const NO_HOST = /^(ENOTFOUND|EAI_AGAIN)$/;

/**
 * The error for a server that cannot be reached: why, and what to do about it.
 *
 * @param url where it was to be: its scheme says what was spoken.
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
    return { why: 'what listens there does not speak TLS', advice: `Try ${url.replace('s:', ':')}` };
  }
  if (isDistrust(error)) {
    return {
      why: distrustReason(why),
      advice: `Trust its certificate with --ca FILE, or any certificate with --insecure.${SYSTEM_HINT}`,
    };
  }
  if (is(NO_HOST)) return { why, advice: 'Is the name of the host right?' };
  // One that ends in the middle of an answer (`aborted`) has been understood.
  if (/^(http|ws):/.test(url) && (is(NOT_HTTP) || (is(/^ECONNRESET$/) && why !== 'aborted'))) {
    return { why, advice: `Is it a datafn-ws server? If it speaks TLS, try ${url.replace(':', 's:')}` };
  }
  return { why, advice: 'Is the server running? Start one with: npx datafn-ws serve' };
}

/** Connecting to a name with several addresses fails with an empty message and the reasons inside. */
function rootOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}
