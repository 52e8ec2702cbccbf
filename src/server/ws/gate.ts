import type { IncomingMessage } from 'node:http';
import type { DatafnLogger } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { ownCopy } from '../../text/own-copy.js';
import { formatAmount } from '../../text/units.js';
import type { ConnectionCounters } from '../health/stats.js';
import { hasLoopbackHost, hasSeveralHosts, hostOf, hostRefusal } from '../http/host-rule.js';
import { type OriginRule, originRefusal } from '../http/origin-rule.js';
import type { Refusal } from '../http/raw-problem.js';
import type { AddressLimit } from '../limits/address-limit.js';
import type { AddressOf } from '../limits/client-address.js';

/** Looks at an upgrade before anybody is asked who it is; what it returns refuses it. Must not throw. */
export type UpgradeGate = (request: IncomingMessage) => Refusal | undefined;

/** The refusal of the first gate that has one. */
export function firstRefusal(gates: readonly UpgradeGate[], request: IncomingMessage): Refusal | undefined {
  for (const gate of gates) {
    const refusal = gate(request);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Wraps a user's gate: one that throws lets nobody in, and harms nobody else. */
export function guardGate(gate: UpgradeGate, logger: DatafnLogger): UpgradeGate {
  return (request) => {
    try {
      return gate(request);
    } catch (error) {
      logger.error('Screening an upgrade failed', { error: messageOf(error) });
      return { status: 500, detail: 'Something went wrong in the server' };
    }
  };
}

/** Tells a client to come back in so long, in whole seconds and at least one (RFC 9110 section 10.2.3). */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) };
}

/** A nonce of 16 bytes in base64 (RFC 6455 section 4.1). */
const KEY = /^[+/\dA-Za-z]{22}==$/;

/** Keeps out what is no handshake, so that nobody is asked whose it is (RFC 6455 section 4.2.1). */
export function handshakeGate(request: IncomingMessage): Refusal | undefined {
  const { method, headers } = request;
  if (method !== 'GET')
    return {
      status: 405,
      detail: `A WebSocket handshake is a GET, got a ${method}`,
      headers: { Allow: 'GET' },
    };
  if (request.httpVersionMajor === 1 && request.httpVersionMinor < 1)
    return {
      status: 426,
      detail: `Expected a WebSocket handshake over HTTP/1.1, got HTTP/${request.httpVersion}`,
      fix: 'A proxy in front has to speak HTTP/1.1 to the server; in nginx: proxy_http_version 1.1;',
      headers: { Upgrade: 'websocket' },
    };
  if (headers.upgrade?.toLowerCase() !== 'websocket')
    return badHandshake(`Expected Upgrade to be websocket, got ${shown(headers.upgrade)}`);
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return badHandshake(
      `Expected Sec-WebSocket-Key to be 16 bytes in base64, got ${lengthOf(headers['sec-websocket-key'])}`,
    );
  if (!/^(?:13|8)$/.test(headers['sec-websocket-version'] ?? ''))
    return badHandshake(
      `Expected Sec-WebSocket-Version to be 13 or 8, got ${shown(headers['sec-websocket-version'])}`,
    );
  // It would be read as frames.
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0')
    return badHandshake(
      `Expected a handshake without a body, got ${headers['transfer-encoding'] === undefined ? `Content-Length ${shown(headers['content-length'])}` : `Transfer-Encoding ${shown(headers['transfer-encoding'])}`}`,
    );
  if (hasSeveralHosts(request)) return badHandshake('Expected one Host header, got several');
  return undefined;
}

/** What a nonce is like: it is for nobody to see. */
function lengthOf(header: string | undefined): string {
  return header === undefined ? 'none' : formatAmount(header.length, 'character');
}

/** A header as it came. */
function shown(header: string | undefined): string {
  return header === undefined ? 'none' : describe(header);
}

/** Says what is wrong with a handshake, and which versions there are (RFC 6455 section 4.4). */
export function badHandshake(detail: string): Refusal {
  return { status: 400, detail, headers: { 'Sec-WebSocket-Version': '13, 8' } };
}

/** Keeps out who names another machine as Host, while the `dev` provider takes everybody's word. */
export function loopbackHostGate(): UpgradeGate {
  // Nearly all clients name the same host.
  let lastHost: string | undefined;
  return (request) => {
    const host = hostOf(request);
    if (host !== undefined && host === lastHost) return undefined;
    if (!hasLoopbackHost(host)) {
      return {
        status: 403,
        field: 'Host',
        detail: hostRefusal(host),
        fix: 'Connect to 127.0.0.1 or localhost, let the proxy in front send such a Host, or prove who connects with --auth tokens, jwt or module.',
      };
    }
    lastHost = ownCopy(host as string);
    return undefined;
  };
}

/** Keeps pages of other origins out. */
export function originGate(isAllowed: OriginRule, counters: ConnectionCounters): UpgradeGate {
  return ({ headers: { origin } }) => {
    if (isAllowed(origin)) return undefined;
    counters.countLimited('origin');
    return { status: 403, field: 'Origin', ...originRefusal(origin) };
  };
}

/** Keeps an address from having too many connections. One that passes counts until its socket is closed. */
export function addressGate(
  limit: AddressLimit,
  addressOf: AddressOf,
  counters: ConnectionCounters,
): UpgradeGate {
  return (request) => {
    const address = addressOf(request);
    // A socket that is gone already has no address.
    if (address === undefined) return undefined;
    if (limit.enter(address)) {
      request.socket.once('close', () => limit.leave(address));
      return undefined;
    }
    counters.countLimited('connectionsPerAddress');
    return { status: 429, detail: 'Too many connections from this address' };
  };
}
