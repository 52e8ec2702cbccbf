import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { proxyProblem } from '../../../src/options/checks.js';
import { clientAddressRule } from '../../../src/server/limits/client-address.js';

/** Where a request seems to come from. */
function seen(trusted: string[], connection: string | undefined, forwarded?: string): string | undefined {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return clientAddressRule(trusted)({ socket: { remoteAddress: connection }, headers } as IncomingMessage);
}

describe('without a trusted proxy', () => {
  test('the address is that of the connection, whatever the header says', () => {
    expect(seen([], '203.0.113.9', '1.2.3.4')).toBe('203.0.113.9');
    expect(seen([], undefined, '1.2.3.4')).toBeUndefined();
  });

  test('an IPv4 client of a socket for both families has its IPv4 address', () => {
    expect(seen([], '::ffff:203.0.113.9')).toBe('203.0.113.9');
    expect(seen([], '2001:db8::9')).toBe('2001:db8::9');
  });
});

describe('behind a trusted proxy', () => {
  test.each<[string, string[], string, string | undefined, string]>([
    ['it is what the proxy wrote', ['10.0.0.1'], '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    [
      'what a client wrote before that is not believed',
      ['10.0.0.1'],
      '10.0.0.1',
      '1.2.3.4, 203.0.113.9',
      '203.0.113.9',
    ],
    [
      'a client cannot pass for a proxy',
      ['10.0.0.1'],
      '10.0.0.1',
      '1.2.3.4, 10.0.0.1, 203.0.113.9',
      '203.0.113.9',
    ],
    [
      'of several proxies, each is trusted in turn',
      ['10.0.0.0/8'],
      '10.0.0.1',
      '1.2.3.4, 203.0.113.9, 10.9.9.9',
      '203.0.113.9',
    ],
    [
      'a chain of proxies alone ends at the first of them',
      ['10.0.0.0/8'],
      '10.0.0.1',
      '10.0.0.3, 10.0.0.2',
      '10.0.0.3',
    ],
    ['who comes past the proxy is not believed', ['10.0.0.1'], '203.0.113.9', '1.2.3.4', '203.0.113.9'],
    ['without the header it is the proxy', ['10.0.0.1'], '10.0.0.1', undefined, '10.0.0.1'],
    ['an empty header is none', ['10.0.0.1'], '10.0.0.1', '', '10.0.0.1'],
    [
      'what is no address ends the chain',
      ['10.0.0.0/8'],
      '10.0.0.1',
      '1.2.3.4, unknown, 10.0.0.2',
      '10.0.0.2',
    ],
    ['a port is dropped', ['10.0.0.1'], '10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['brackets, too', ['10.0.0.1'], '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    [
      'a mapped address is the one that it maps',
      ['10.0.0.1'],
      '::ffff:10.0.0.1',
      '::ffff:203.0.113.9',
      '203.0.113.9',
    ],
    ['in hexadecimal, too', ['10.0.0.1'], '10.0.0.1', '1.2.3.4, ::ffff:cb00:7109', '203.0.113.9'],
    ['and at full length', ['10.0.0.1'], '10.0.0.1', '[0:0:0:0:0:FFFF:203.0.113.9]:80', '203.0.113.9'],
    [
      'a proxy that is mapped is trusted like any other',
      ['10.0.0.1'],
      '10.0.0.1',
      '203.0.113.9, ::ffff:a00:1',
      '203.0.113.9',
    ],
    ['loopback is a name for both', ['loopback'], '::1', '203.0.113.9, 127.0.0.5', '203.0.113.9'],
    [
      "private is a name for networks of one's own",
      ['private'],
      '192.168.3.4',
      '203.0.113.9, 172.31.0.1',
      '203.0.113.9',
    ],
    ['an IPv6 subnet can be trusted', ['2001:db8::/32'], '2001:db8::5', '203.0.113.9', '203.0.113.9'],
    ['a zone does not matter', ['fe80::/10'], 'fe80::1%eth0', '203.0.113.9', '203.0.113.9'],
    ['another family is not trusted', ['10.0.0.0/8'], '2001:db8::5', '1.2.3.4', '2001:db8::5'],
  ])('%s', (_, trusted, connection, forwarded, expected) => {
    expect(seen(trusted, connection, forwarded)).toBe(expected);
  });
});

test('a proxy is an address, a subnet, or a name of a range', () => {
  for (const right of ['10.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32', '0.0.0.0/0', 'loopback', 'private'])
    expect(proxyProblem(right), right).toBeUndefined();
  for (const wrong of [
    '',
    'proxy',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::1/129',
    'fe80::1%eth0',
    '10.0.0.0/-1',
    'constructor',
  ])
    expect(proxyProblem(wrong), wrong).toContain('an address such as 10.0.0.1');
});
