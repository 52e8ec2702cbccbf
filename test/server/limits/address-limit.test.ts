import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressLimit } from '../../../src/server/limits/client-address.js';

describe('connections of an address', () => {
  test('fit up to the limit, and again when one has left', () => {
    const limit = new AddressLimit(2);
    expect([1, 2, 3].map(() => limit.enter('10.0.0.1'))).toEqual([true, true, false]);
    expect(limit.enter('10.0.0.2')).toBe(true);
    limit.leave('10.0.0.1');
    expect([limit.enter('10.0.0.1'), limit.enter('10.0.0.1')]).toEqual([true, false]);
  });

  test('count together within a /64 of IPv6, however its addresses are written', () => {
    const same = [
      '2001:db8:0:1::',
      '2001:db8::1:0:0:0:9',
      '2001:0DB8:0000:0001:aaaa:bbbb:cccc:dddd',
      '2001:db8:0:1:1:2:3:4%eth0',
      '2001:db8:0:1::1.2.3.4',
    ];
    const limit = new AddressLimit(same.length);
    for (const address of same) expect(limit.enter(address), address).toBe(true);
    for (const address of same) expect(limit.enter(address), address).toBe(false);
    for (const other of ['2001:db8:0:2::1', '2001:db8::1', '::1', '2001:db8:1:1::'])
      expect(limit.enter(other), other).toBe(true);
  });

  test('leave nothing behind, whatever came and went', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(fc.array(address), fc.integer({ min: 0, max: 3 }), (addresses, max) => {
        const limit = new AddressLimit(max);
        const entered = addresses.filter((one) => limit.enter(one));
        for (const one of entered) limit.leave(one);
        expect(limit.size).toBe(0);
      }),
    );
  });
});
