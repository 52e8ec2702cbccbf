import type { AddressInfo } from 'node:net';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';

/** Clients that look `localhost` up as the other address reach another program. */
export function takenLoopback({ address, port }: AddressInfo, other: string): string {
  return `Another program listens on port ${port} of ${other}, and clients that look localhost up as ${other} reach that one: stop it, choose another port with --port, or connect to ${address} and start with --host ${address}`;
}

export function closedError(): DatafnWsError {
  return new DatafnWsError(
    'ERR_LISTEN',
    'Expected a server that was not closed: make another with createDatafnWsServer()',
  );
}

export function listenError(error: unknown, host: string, port: number): DatafnWsError {
  const { code } = error as NodeJS.ErrnoException;
  const where = `${host}:${port}`;
  const text =
    {
      EADDRINUSE: `Port ${port} on ${host} is taken: stop what listens there, or choose another with --port (0 takes a free one)`,
      EACCES: `No permission to listen on ${where}: ports below 1024 are privileged, choose a higher one with --port`,
      EADDRNOTAVAIL: `${host} is no address of this machine: choose another with --host, such as 127.0.0.1`,
      ENOTFOUND: `There is no host named ${host}: choose another with --host, such as 127.0.0.1`,
      EAI_AGAIN: `The name ${host} cannot be looked up: choose another with --host, such as 127.0.0.1`,
    }[code ?? ''] ?? `Cannot listen on ${where}: ${messageOf(error)}`;
  return new DatafnWsError('ERR_LISTEN', text, { cause: error });
}
