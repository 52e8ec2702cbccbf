import { readFileSync } from 'node:fs';
import { DatafnWsError } from '../../protocol/errors.js';
import { formatCount, formatSize } from '../../text/units.js';

/** Descriptors that a process needs beside those of its clients. */
const SPARE_DESCRIPTORS = 200;
/** Memory of a client at both ends, kernel buffers included; measured well below this. */
const BYTES_PER_CLIENT = 64 * 1024;
/** Share of the port range that one source address is used for. */
const PORT_SHARE = 0.9;
/** The same on loopback, where there are many. A system looks long for a free port of an address that is nearly full. */
const LOOPBACK_PORT_SHARE = 0.1;

/** What the machine offers. `undefined` where it does not say. */
export interface MachineLimits {
  /** Open files of one process. */
  readonly descriptors: number | undefined;
  /** Ports for outgoing connections, for each source and target address. */
  readonly ports: number | undefined;
  readonly availableBytes: number | undefined;
  readonly cores: number;
}

/** How a run is laid out on the machine. */
export interface Layout {
  readonly workers: number;
  /** Local addresses to connect from; empty leaves it to the system. */
  readonly localAddresses: readonly string[];
}

/** Reads the limits of this machine. */
export function machineLimits(cores: number): MachineLimits {
  const range = read('/proc/sys/net/ipv4/ip_local_port_range')?.trim().split(/\s+/).map(Number);
  const available = /MemAvailable:\s+(\d+) kB/.exec(read('/proc/meminfo') ?? '')?.[1];
  const files = /Max open files\s+\S+\s+(\d+)/.exec(read('/proc/self/limits') ?? '')?.[1];
  return {
    // Node raises its soft limit to the hard one when it starts.
    descriptors: files === undefined ? undefined : Number(files),
    ports: range?.[0] === undefined || range[1] === undefined ? undefined : range[1] - range[0] + 1,
    availableBytes: available === undefined ? undefined : Number(available) * 1024,
    cores,
  };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

export interface Demand {
  readonly clients: number;
  readonly urls: readonly string[];
  /** Processes of a server that bench starts: their descriptors are of this machine too. 0 for another server. */
  readonly serverProcesses: number;
  readonly workers: number | undefined;
  /** Most connections of autocannon at a time. */
  readonly loadConnections: number;
}

/**
 * Lays a run out, or refuses it before anything has been opened.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with every limit that is in the way and what to do about it.
 */
export function planLayout(
  { clients, urls, serverProcesses, workers, loadConnections }: Demand,
  limits: MachineLimits,
): Layout {
  const problems: string[] = [];
  const room = (limits.descriptors ?? Number.POSITIVE_INFINITY) - SPARE_DESCRIPTORS;
  const needed = Math.max(1, Math.ceil(clients / Math.max(1, room)));
  const count = workers ?? Math.max(needed, Math.min(limits.cores, Math.ceil(clients / 250)));
  const perWorker = Math.ceil(clients / count);
  if (perWorker > room) {
    problems.push(
      `${formatCount(perWorker)} clients a worker need more than the ${formatCount(limits.descriptors ?? 0)} descriptors of a process: use --workers ${needed}, or raise the limit with ulimit -n ${perWorker + SPARE_DESCRIPTORS}`,
    );
  }
  const perServer = Math.ceil(clients / Math.max(1, serverProcesses));
  if (serverProcesses > 0 && perServer > room) {
    const where =
      serverProcesses === 1 ? 'on one server' : `on each of ${serverProcesses} processes of the server`;
    problems.push(
      `${formatCount(perServer)} clients ${where} need more than the ${formatCount(limits.descriptors ?? 0)} descriptors of a process: raise the limit with ulimit -n ${perServer + SPARE_DESCRIPTORS}, or spread them over several servers with --url, or over more workers with the key \`cluster\``,
    );
  }
  // Each has two ends in this process, and a connection to every target.
  const perConnection = 2 + Math.max(1, urls.length);
  if (loadConnections * perConnection > room) {
    problems.push(
      `${formatCount(loadConnections)} connections of autocannon need ${perConnection} descriptors each, more than the ${formatCount(limits.descriptors ?? 0)} of a process: use fewer \`connections\`, or raise the limit with ulimit -n ${loadConnections * perConnection + SPARE_DESCRIPTORS}`,
    );
  }
  const bytes = clients * BYTES_PER_CLIENT;
  if (limits.availableBytes !== undefined && bytes > limits.availableBytes) {
    problems.push(
      `${formatCount(clients)} clients need about ${formatSize(bytes)} of memory, ${formatSize(limits.availableBytes)} are available: use fewer clients`,
    );
  }
  const localAddresses = addressesFor(clients, urls, serverProcesses > 0, limits.ports, problems);
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
  return { workers: count, localAddresses };
}

/** Enough source addresses for the ports: on loopback any 127.0.0.x will do, elsewhere there is but one. */
function addressesFor(
  clients: number,
  urls: readonly string[],
  ownServer: boolean,
  ports: number | undefined,
  problems: string[],
): string[] {
  const perTarget = Math.ceil(clients / Math.max(1, urls.length));
  const perAddress = Math.floor((ports ?? Number.POSITIVE_INFINITY) * PORT_SHARE);
  const addresses = Math.ceil(perTarget / perAddress);
  if (addresses <= 1) return [];
  const isLoopback = ownServer || urls.every((url) => /^127\./.test(new URL(url).hostname));
  if (!isLoopback) {
    problems.push(
      `${formatCount(perTarget)} clients for one target need more than the ${formatCount(ports ?? 0)} ports of a source address: widen net.ipv4.ip_local_port_range, or spread them over several targets with --url`,
    );
    return [];
  }
  const wanted = Math.ceil(perTarget / ((ports ?? 0) * LOOPBACK_PORT_SHARE));
  return Array.from(
    { length: Math.max(addresses, Math.min(wanted, 254)) },
    (_, index) => `127.0.0.${index + 1}`,
  );
}
