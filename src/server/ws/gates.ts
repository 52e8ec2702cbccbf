import type { IncomingMessage } from 'node:http';
import type { DatafnLogger } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { ownCopy } from '../../text/own-copy.js';
import { formatAmount } from '../../text/units.js';
import type { ServerEvents } from '../events/events.js';
import type { DelayMonitor } from '../health/delay-monitor.js';
import {
  hasLoopbackHost,
  hasSeveralHosts,
  hostOf,
  hostRefusal,
  type OriginRule,
  originRefusal,
} from '../http/hosts-and-origins.js';
import { type Refusal, retryAfter, type UpgradeGate } from '../http/problem.js';
import type { AddressLimit, AddressOf } from '../limits/client-address.js';

/** The refusal of the first gate that has one. */
export function firstRefusal(gates: readonly UpgradeGate[], request: IncomingMessage): Refusal | undefined {
  for (const gate of gates) {
    const refusal = gate(request);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Wraps a user's gate: one that throws refuses. */
export function guardGate(gate: UpgradeGate, logger: DatafnLogger): UpgradeGate {
  return (request) => {
    try {
      return gate(request);
    } catch (error) {
      logger.error('beforeUpgrade failed', { error: messageOf(error) });
      return { status: 500, detail: 'Internal server error' };
    }
  };
}

/** A nonce of 16 bytes in base64 (RFC 6455 section 4.1). */
const KEY = /^[+/\dA-Za-z]{22}==$/;

/** Refuses anything that is not a handshake, before authentication (RFC 6455 section 4.2.1). */
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
      fix: 'A proxy in front must speak HTTP/1.1 to the server; in nginx: proxy_http_version 1.1;',
      headers: { Upgrade: 'websocket' },
    };
  if (headers.upgrade !== 'websocket' && headers.upgrade?.toLowerCase() !== 'websocket')
    return badHandshake(`Expected Upgrade to be websocket, got ${shown(headers.upgrade)}`);
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return badHandshake(
      `Expected Sec-WebSocket-Key to be 16 bytes in base64, got ${lengthOf(headers['sec-websocket-key'])}`,
    );
  const version = headers['sec-websocket-version'];
  if (version !== '13' && version !== '8')
    return badHandshake(`Expected Sec-WebSocket-Version to be 13 or 8, got ${shown(version)}`);
  // It would be read as frames.
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0')
    return badHandshake(
      `Expected a handshake without a body, got ${headers['transfer-encoding'] === undefined ? `Content-Length ${shown(headers['content-length'])}` : `Transfer-Encoding ${shown(headers['transfer-encoding'])}`}`,
    );
  if (hasSeveralHosts(request)) return badHandshake('Expected one Host header, got several');
  return undefined;
}

/** A nonce is not shown, only its length. */
function lengthOf(header: string | undefined): string {
  return header === undefined ? 'none' : formatAmount(header.length, 'character');
}

/** A header as it came. */
function shown(header: string | undefined): string {
  return header === undefined ? 'none' : describe(header);
}

/** The refusal of a handshake, with the versions that are supported (RFC 6455 section 4.4). */
export function badHandshake(detail: string): Refusal {
  return { status: 400, detail, headers: { 'Sec-WebSocket-Version': '13, 8' } };
}

/** Refuses requests whose Host names another machine. The `dev` provider needs that, since its tokens prove nothing. */
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
        fix: 'Connect to 127.0.0.1 or localhost, make the proxy in front send such a Host, or authenticate clients with --auth tokens, jwt or module.',
      };
    }
    lastHost = ownCopy(host as string);
    return undefined;
  };
}

/** Refuses pages of other origins. */
export function originGate(isAllowed: OriginRule, events: ServerEvents): UpgradeGate {
  return ({ headers: { origin } }) => {
    if (isAllowed(origin)) return undefined;
    events.limited?.('origin');
    return { status: 403, field: 'Origin', ...originRefusal(origin) };
  };
}

/** Refuses an address that has too many connections. One that passes counts until its socket is closed. */
export function addressGate(limit: AddressLimit, addressOf: AddressOf, events: ServerEvents): UpgradeGate {
  return (request) => {
    const address = addressOf(request);
    // A socket that is gone already has no address.
    if (address === undefined) return undefined;
    if (limit.enter(address)) {
      request.socket.once('close', () => limit.leave(address));
      return undefined;
    }
    events.limited?.('connectionsPerAddress');
    return { status: 429, detail: 'Too many connections from this address' };
  };
}

/** How long a client is asked to stay away. The delay is that of the last second or two, so it may be over by then. */
const SHED_RETRY_MS = 2000;

/** Refuses new clients while the event loop is late by more than `thresholdMs`: connected clients come first. */
export function loadGate(thresholdMs: number, delay: DelayMonitor, events: ServerEvents): UpgradeGate {
  return () => {
    if (delay.recentMaxMs <= thresholdMs) return undefined;
    events.limited?.('eventLoopDelay');
    return {
      status: 503,
      detail: 'The server is too busy for new clients: try again in a moment',
      headers: retryAfter(SHED_RETRY_MS),
    };
  };
}
