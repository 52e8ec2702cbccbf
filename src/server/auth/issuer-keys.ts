import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import type { FetchImplementation, JWKSCacheInput, JWTVerifyGetKey } from 'jose';
import { createRemoteJWKSet, customFetch, errors, jwksCache } from 'jose';
import { distrustReason, isDistrust } from '../../protocol/distrust.js';
import { messageOf } from '../../protocol/errors.js';
import { usableKeys } from './key-set.js';

/** How old keys may be before they are fetched again. */
const REFRESH_MS = 600_000;
/** How old they may become while they cannot be fetched; then nobody is let in any more. */
const MAX_AGE_MS = 3_600_000;
/** From one fetch to the next for a key that is not among them. */
const UNKNOWN_KEY_MS = 30_000;
/** From a fetch that failed to the next, whatever for. */
const RETRY_MS = 5000;
/** Shorter than a client waits for the provider, so that it may still get in with the old keys. */
const FETCH_MS = 3000;
const MAX_BYTES = 1024 * 1024;

const TRUST_FIX =
  'Trust its certificate with --ca FILE (`ca`), or with NODE_EXTRA_CA_CERTS=FILE in the environment';

/** What jose hands to its `customFetch`. */
type FetchOptions = Parameters<FetchImplementation>[1];

/** What a key set throws for the token that is looked at, and not for want of keys. */
const ABOUT_TOKEN = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/**
 * The keys that an issuer publishes at a URL, fetched when they are needed. How often is bounded, whatever tokens come
 * and whatever the URL answers; while it cannot be had, the keys of before hold for an hour.
 *
 * @param ca certificates (PEM) to trust in place of those that the process trusts.
 * @param onStale called with the reason why keys that have become old could not be fetched again.
 */
export function issuerKeys(
  url: URL,
  ca: string | undefined,
  onStale: (why: string) => void,
): JWTVerifyGetKey {
  const cache: JWKSCacheInput = {};
  let failure: { readonly error: unknown; readonly retryAtMs: number } | undefined;
  const keySet = createRemoteJWKSet(url, {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: UNKNOWN_KEY_MS,
    timeoutDuration: FETCH_MS,
    [jwksCache]: cache,
    async [customFetch](_href, options) {
      if (failure !== undefined && Date.now() < failure.retryAtMs) throw failure.error;
      try {
        const response = await fetchKeySet(url, options, ca);
        failure = undefined;
        return response;
      } catch (error) {
        failure = { error, retryAtMs: Date.now() + RETRY_MS };
        if (keySet.fresh) onStale(reasonOf(url, error));
        throw error;
      }
    },
  });
  return async (header, token) => {
    if (cache.uat !== undefined && Date.now() >= cache.uat + REFRESH_MS) {
      const refreshed = keySet.reload().catch(() => {});
      // While the URL cannot be had, only the first client waits to learn that.
      if (failure === undefined) await refreshed;
    }
    try {
      return await keySet(header, token);
    } catch (error) {
      if (ABOUT_TOKEN.some((kind) => error instanceof kind)) throw error;
      throw new Error(reasonOf(url, error), { cause: error });
    }
  };
}

/** Fetches a key set of bounded size, and answers with the keys that can be used. */
async function fetchKeySet(
  url: URL,
  { headers, signal }: FetchOptions,
  ca: string | undefined,
): Promise<Response> {
  const request = (url.protocol === 'https:' ? https : http).get(url, {
    headers: Object.fromEntries(headers),
    signal,
    agent: false,
    ...(ca === undefined ? {} : { ca }),
  });
  // Once there is an answer, it tells of errors.
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  try {
    if (response.statusCode !== 200) throw new Error(`expected 200 OK, got ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_BYTES) throw new Error('expected a key set of at most 1 MiB, got more');
      chunks.push(chunk);
    }
    try {
      return Response.json(usableKeys(Buffer.concat(chunks).toString()));
    } catch {
      throw new Error('the answer is not a JSON Web Key Set (RFC 7517)');
    }
  } finally {
    // What is left of an answer is not waited for.
    request.destroy();
  }
}

/** Which keys cannot be had, and why; nothing of the query of the URL. */
function reasonOf({ origin, pathname }: URL, error: unknown): string {
  const why = isDistrust(error) ? `${distrustReason(messageOf(error))}. ${TRUST_FIX}` : messageOf(error);
  return `The keys at ${origin}${pathname} cannot be had: ${why}`;
}
