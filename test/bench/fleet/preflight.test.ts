import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import {
  type Demand,
  type MachineLimits,
  machineLimits,
  planLayout,
} from '../../../src/bench/fleet/preflight.js';
import { DatafnWsError } from '../../../src/protocol/errors.js';

const ROOMY: MachineLimits = {
  descriptors: 20_000,
  ports: 28_000,
  availableBytes: 64 * 1024 ** 3,
  cores: 4,
};
const OWN: Demand = { clients: 1000, urls: [], serverProcesses: 1, workers: undefined, loadConnections: 0 };
const REMOTE: Demand = {
  clients: 1000,
  urls: ['ws://192.0.2.1:3001/datafn/ws'],
  serverProcesses: 0,
  workers: undefined,
  loadConnections: 0,
};
const LOOPBACK: Demand = { ...REMOTE, urls: ['ws://127.0.0.1:3001/datafn/ws'] };

function refusal(demand: Demand, limits: MachineLimits): string[] {
  try {
    planLayout(demand, limits);
  } catch (error) {
    expect(error).toBeInstanceOf(DatafnWsError);
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    return (error as Error).message.split('\n');
  }
  throw new Error('It was not refused');
}

describe('workers', () => {
  test('are as many as there is work for, at most one a core', () => {
    const workersFor = (clients: number) => planLayout({ ...OWN, clients }, ROOMY).workers;
    expect([0, 1, 250, 251, 1000, 5000].map(workersFor)).toEqual([1, 1, 1, 2, 4, 4]);
  });

  test('are more than cores where descriptors of one process do not do', () => {
    expect(planLayout({ ...REMOTE, clients: 9000 }, { ...ROOMY, descriptors: 1200 }).workers).toBe(9);
  });

  test('are as many as was asked for', () => {
    expect(planLayout({ ...OWN, workers: 7 }, ROOMY).workers).toBe(7);
  });
});

describe('descriptors', () => {
  test('too few for one worker are refused, with the number of workers and the limit that would do', () => {
    const limits = { ...ROOMY, descriptors: 1024 };
    const [only, ...others] = refusal({ ...REMOTE, clients: 3000, workers: 2 }, limits);
    expect(others).toEqual([]);
    expect(only).toContain('--workers 4');
    expect(only).toContain('ulimit -n 1700');
    // The fix does fix it, each of them alone, and one less does not.
    expect(planLayout({ ...REMOTE, clients: 3000, workers: 4 }, limits).workers).toBe(4);
    refusal({ ...REMOTE, clients: 3000, workers: 3 }, limits);
    planLayout({ ...REMOTE, clients: 3000, workers: 2 }, { ...ROOMY, descriptors: 1700 });
    refusal({ ...REMOTE, clients: 3000, workers: 2 }, { ...ROOMY, descriptors: 1699 });
  });

  test('too few for a server of our own are refused, with the limit that would do', () => {
    const [only, ...others] = refusal({ ...OWN, clients: 25_000 }, ROOMY);
    expect(others).toEqual([]);
    expect(only).toContain('25,000 clients on one server');
    expect(only).toContain('ulimit -n 25200');
    expect(only).toContain('--url');
    planLayout({ ...OWN, clients: 25_000 }, { ...ROOMY, descriptors: 25_200 });
    refusal({ ...OWN, clients: 25_000 }, { ...ROOMY, descriptors: 25_199 });
  });

  test('of a server with workers are those of one worker', () => {
    const six = { ...OWN, clients: 100_000, serverProcesses: 6 };
    expect(planLayout(six, ROOMY).workers).toBe(6);
    const [only] = refusal({ ...six, serverProcesses: 5 }, ROOMY);
    expect(only).toContain('20,000 clients on each of 5 processes');
    expect(only).toContain('ulimit -n 20200');
  });

  test('too few for the connections of autocannon, each with two ends here and one to every target, are refused', () => {
    const two = { ...REMOTE, urls: [...REMOTE.urls, 'ws://192.0.2.2:3001/datafn/ws'], loadConnections: 5000 };
    const [only, ...others] = refusal(two, { ...ROOMY, descriptors: 20_199 });
    expect(others).toEqual([]);
    expect(only).toContain('5,000 connections of autocannon need 4 descriptors each');
    expect(only).toContain('ulimit -n 20200');
    planLayout(two, { ...ROOMY, descriptors: 20_200 });
    refusal({ ...OWN, loadConnections: 5000 }, { ...ROOMY, descriptors: 15_199 });
    planLayout({ ...OWN, loadConnections: 5000 }, { ...ROOMY, descriptors: 15_200 });
  });

  test('of somebody else’s server are not ours to count', () => {
    expect(planLayout({ ...REMOTE, clients: 25_000 }, ROOMY).workers).toBeGreaterThanOrEqual(2);
  });

  test('that leave no room at all are refused, and not divided by', () => {
    expect(refusal({ ...OWN, clients: 10 }, { ...ROOMY, descriptors: 100 }).join('\n')).toContain(
      'ulimit -n',
    );
  });
});

describe('memory', () => {
  test('too little is refused, with what is needed and what there is', () => {
    const [only, ...others] = refusal(
      { ...OWN, clients: 16_384 },
      { ...ROOMY, availableBytes: 1024 ** 3 - 1 },
    );
    expect(others).toEqual([]);
    expect(only).toContain('16,384 clients need about 1 GiB of memory');
    expect(only).toContain('use fewer clients');
    planLayout({ ...OWN, clients: 16_384 }, { ...ROOMY, availableBytes: 1024 ** 3 });
  });
});

describe('ports', () => {
  test('of one source address are enough up to nine tenths of the range', () => {
    const limits = { ...ROOMY, descriptors: 100_000, ports: 10_000 };
    expect(planLayout({ ...LOOPBACK, clients: 9000 }, limits).localAddresses).toEqual([]);
    expect(planLayout({ ...LOOPBACK, clients: 9001 }, limits).localAddresses).not.toEqual([]);
  });

  test('on loopback are those of many source addresses, a tenth of the range each, for our own server too', () => {
    const limits = { ...ROOMY, descriptors: 100_000, ports: 10_000 };
    const expected = Array.from({ length: 27 }, (_, index) => `127.0.0.${index + 1}`);
    expect(planLayout({ ...LOOPBACK, clients: 27_000 }, limits).localAddresses).toEqual(expected);
    expect(planLayout({ ...OWN, clients: 27_000 }, limits).localAddresses).toEqual(expected);
  });

  test('count for each target: two targets need half the source addresses', () => {
    const limits = { ...ROOMY, descriptors: 100_000, ports: 10_000 };
    const urls = ['ws://127.0.0.1:3001/ws', 'ws://127.0.0.1:3002/ws'];
    expect(planLayout({ ...LOOPBACK, urls, clients: 18_000 }, limits).localAddresses).toEqual([]);
  });

  test('too few for a target elsewhere are refused, with the setting to widen', () => {
    const limits = { ...ROOMY, descriptors: 100_000, ports: 10_000 };
    const [only, ...others] = refusal({ ...REMOTE, clients: 9001 }, limits);
    expect(others).toEqual([]);
    expect(only).toContain('net.ipv4.ip_local_port_range');
    expect(only).toContain('--url');
  });
});

test('every limit that is in the way is told at once', () => {
  const lines = refusal(
    { ...REMOTE, clients: 50_000, workers: 1 },
    { descriptors: 1024, ports: 1000, availableBytes: 1024 ** 2, cores: 2 },
  );
  expect(lines).toHaveLength(3);
  expect(lines.join('\n')).toMatch(/ulimit.*memory.*ip_local_port_range/s);
});

test('where the machine does not tell its limits, nothing is refused', () => {
  const unknown: MachineLimits = {
    descriptors: undefined,
    ports: undefined,
    availableBytes: undefined,
    cores: 2,
  };
  expect(planLayout({ ...REMOTE, clients: 1_000_000 }, unknown)).toEqual({ workers: 2, localAddresses: [] });
});

test.runIf(process.platform === 'linux')('this machine tells all of its limits', () => {
  const { descriptors, ports, availableBytes, cores } = machineLimits(availableParallelism());
  for (const limit of [descriptors, ports, availableBytes, cores]) expect(limit).toBeGreaterThan(0);
});
