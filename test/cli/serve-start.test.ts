import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { runWith } from '../support/run-in-process.js';

describe('serve that cannot start', () => {
  const ONE_LINE = /^error: [^\n]+\n$/;

  test('on a port that is taken says so in one line, and exits 3', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, stdout, stderr } = await runWith(['serve', '--json', '--port', String(port)]);
    await new Promise((resolve) => taken.close(resolve));
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain(`Port ${port} on 127.0.0.1 is already in use`);
    expect(stderr).toContain('--port');
  });

  test('on a host that cannot be looked up says so in one line, and exits 3', async () => {
    // Too long for any resolver, and still a loopback name, so that it gets as far as to be looked up.
    const host = `${'x'.repeat(300)}.localhost`;
    const { code, stdout, stderr } = await runWith(['serve', '--json', '--port', '0', '--host', host]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain(host);
  });

  test('on a host that is open to the network says what to add, and exits 2', async () => {
    const { code, stdout, stderr } = await runWith(['serve', '--json', '--port', '0', '--host', '0.0.0.0']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain('--admin-token');
  });

  test.each([
    [['serve', '--port', 'banana'], '--port'],
    [['serve', '--prot', '1'], '--prot'],
    [['srv'], "'srv'"],
  ])('with %j says what is wrong, without a stack, and exits 2', async (args, part) => {
    const { code, stdout, stderr } = await runWith(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(part);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
