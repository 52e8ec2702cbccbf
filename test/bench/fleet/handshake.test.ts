import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { handshakeKey, readAnswer, upgradeRequest } from '../../../src/bench/fleet/wire.js';
import { Upgrade } from '../../../src/protocol/upgrade.js';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** The answer to that key, as RFC 6455 section 1.3 has it. */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const head = (...lines: string[]) => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
const SWITCHING = 'HTTP/1.1 101 Switching Protocols';
const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade'];

describe('the answer to an upgrade request', () => {
  test('is accepted with the right accept header, whatever its case, and what follows is left over', () => {
    for (const name of ['Sec-WebSocket-Accept', 'sec-websocket-accept', 'SEC-WEBSOCKET-ACCEPT']) {
      const bytes = Buffer.concat([
        head(SWITCHING, 'UPGRADE:WebSocket', 'connection: keep-alive, UPGRADE', `${name}:  ${ACCEPT} `),
        Buffer.from('frame'),
      ]);
      expect(readAnswer(bytes, KEY)).toEqual({ kind: 'accepted', rest: Buffer.from('frame') });
    }
  });

  test('is incomplete wherever it is cut before its end, and the same from there on', () => {
    const bytes = Buffer.concat([
      head(SWITCHING, ...UPGRADE, `Sec-WebSocket-Accept: ${ACCEPT}`),
      Buffer.from('rest'),
    ]);
    const end = bytes.length - 'rest'.length;
    fc.assert(
      fc.property(fc.nat({ max: bytes.length }), (length) => {
        const { kind } = readAnswer(bytes.subarray(0, length), KEY);
        expect(kind).toBe(length < end ? 'incomplete' : 'accepted');
      }),
    );
  });

  test.each([
    ['another key', createHash('sha1').update('x').digest('base64')],
    ['nothing', ''],
    ['the key itself', KEY],
    ['more than the key', `${ACCEPT}=`],
  ])('a 101 that accepts %s is no handshake', (_what, accept) => {
    expect(readAnswer(head(SWITCHING, ...UPGRADE, `Sec-WebSocket-Accept: ${accept}`), KEY)).toMatchObject({
      kind: 'invalid',
      code: 'ERR_ACCEPT_MISMATCH',
      breach: expect.stringContaining('Sec-WebSocket-Accept'),
    });
  });

  test('a 101 without an accept header is no handshake', () => {
    expect(readAnswer(head(SWITCHING, ...UPGRADE), KEY)).toMatchObject({ code: 'ERR_ACCEPT_MISMATCH' });
  });

  test('a subprotocol is accepted when it was offered, and only then', () => {
    const answer = (...protocols: string[]) =>
      head(
        SWITCHING,
        ...UPGRADE,
        `Sec-WebSocket-Accept: ${ACCEPT}`,
        ...protocols.map((one) => `Sec-WebSocket-Protocol: ${one}`),
      );
    const offered = ['datafn-sync-v1', 'other'];
    expect(readAnswer(answer('other'), KEY, offered)).toMatchObject({ kind: 'accepted' });
    expect(readAnswer(answer(), KEY, offered)).toMatchObject({ kind: 'accepted' });
    for (const wrong of [['third'], ['datafn-sync-v1', 'other'], ['datafn-sync-v1, other'], ['OTHER']]) {
      expect(readAnswer(answer(...wrong), KEY, offered)).toMatchObject({ code: 'ERR_UNOFFERED_SUBPROTOCOL' });
    }
  });

  test('interim answers before it are passed over', () => {
    const bytes = Buffer.concat([
      head('HTTP/1.1 103 Early Hints', 'Link: </x>'),
      head('HTTP/1.1 102 Processing'),
      head(SWITCHING, ...UPGRADE, `Sec-WebSocket-Accept: ${ACCEPT}`),
      Buffer.from('rest'),
    ]);
    expect(readAnswer(bytes, KEY)).toEqual({ kind: 'accepted', rest: Buffer.from('rest') });
    const endless = Buffer.concat(Array.from({ length: 1000 }, () => head('HTTP/1.1 102 Processing')));
    expect(readAnswer(endless, KEY)).toEqual({ kind: 'invalid', code: 'ERR_RESPONSE_HEAD' });
  });

  test.each([400, 401, 403, 404, 426, 429, 500, 503, 200, 302])('status %i is a rejection', (status) => {
    expect(readAnswer(head(`HTTP/1.1 ${status} Whatever`, 'Content-Length: 0'), KEY)).toEqual({
      kind: 'rejected',
      status,
    });
  });

  test.each(['SSH-2.0-server\r\n\r\n', '\r\n\r\n', 'HTTP/1.1 abc\r\n\r\n', 'HTTP/1.1 1011 X\r\n\r\n'])(
    '%j is no HTTP',
    (text) => {
      expect(readAnswer(Buffer.from(text), KEY)).toEqual({ kind: 'invalid', code: 'ERR_NOT_HTTP' });
    },
  );

  test('a head that never ends is given up at 16 KiB', () => {
    const endless = Buffer.alloc(16 * 1024, 'a');
    expect(readAnswer(endless, KEY)).toEqual({ kind: 'incomplete' });
    expect(readAnswer(Buffer.concat([endless, Buffer.from('a')]), KEY)).toMatchObject({ kind: 'invalid' });
  });
});

describe('the upgrade request', () => {
  test('carries path, host with its port, and key', () => {
    const request = upgradeRequest(new Upgrade('ws://127.0.0.1:3001/datafn/ws'), KEY, undefined);
    expect(request.split('\r\n')[0]).toBe('GET /datafn/ws HTTP/1.1');
    expect(request).toContain('\r\nHost: 127.0.0.1:3001\r\n');
    expect(request).toContain(`\r\nSec-WebSocket-Key: ${KEY}\r\n`);
    expect(request.endsWith('\r\n\r\n')).toBe(true);
  });

  test('carries any token so that it can be read back, beside what the URL has already', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (token) => {
        const request = upgradeRequest(new Upgrade('ws://localhost/ws?a=1'), KEY, token);
        const [method, target, version] = (request.split('\r\n')[0] as string).split(' ');
        expect([method, version]).toEqual(['GET', 'HTTP/1.1']);
        const query = new URL(target as string, 'ws://localhost').searchParams;
        expect([query.get('a'), query.get('token')]).toEqual(['1', token]);
      }),
    );
  });

  test('each has a key of its own, of 16 bytes', () => {
    const keys = Array.from({ length: 20 }, handshakeKey);
    expect(new Set(keys).size).toBe(20);
    for (const key of keys) expect(Buffer.from(key, 'base64')).toHaveLength(16);
  });
});
