import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { DatafnWsError } from '../../protocol/errors.js';

const WILDCARDS = new Set(['0.0.0.0', '::']);

/**
 * Makes sure that a name or address can be listened on at all, so that a slip of the pen is not answered with a
 * lecture on exposing the server to the network.
 *
 * @throws {DatafnWsError} `ERR_LISTEN` when the name is unknown or the address is not of this machine.
 */
export async function checkBindHost(host: string): Promise<void> {
  let address = host;
  if (isIP(host) === 0) {
    try {
      ({ address } = await lookup(host));
    } catch (error) {
      throw new DatafnWsError(
        'ERR_LISTEN',
        `There is no host named ${host}: choose another with --host, such as 127.0.0.1`,
        { cause: error },
      );
    }
  }
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const isOwn =
    address.startsWith('127.') || WILDCARDS.has(address) || own.some((one) => one.address === address);
  // An address with a zone (fe80::1%eth0) is for the system to judge.
  if (isOwn || address.includes('%')) return;
  throw new DatafnWsError(
    'ERR_LISTEN',
    `${host} is no address of this machine: choose another with --host, such as 127.0.0.1`,
  );
}
