import { redisBackplane } from '../../src/backplane/redis.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { disposeRedis } from '../support/redis-server.js';
import { eventually, RecordedNode } from './recorded-node.js';

const nodes: RecordedNode[] = [];
const proxies: FaultProxy[] = [];

/** Ends the nodes, proxies and engines of a test. For `afterEach`. */
export async function disposeNodes(): Promise<void> {
  await Promise.all(nodes.splice(0).map(({ backplane }) => backplane.close()));
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  await disposeRedis();
}

/** Starts a node of the engine at a URL. */
export function begin(
  url: string,
  options: Partial<Parameters<typeof redisBackplane>[0]> = {},
): RecordedNode {
  const node = new RecordedNode(redisBackplane({ url, ...options })).start();
  nodes.push(node);
  return node;
}

/** Starts two nodes that see each other. */
export async function two(url: string, otherUrl = url): Promise<[RecordedNode, RecordedNode]> {
  const both: [RecordedNode, RecordedNode] = [begin(url), begin(otherUrl)];
  for (const node of both) await node.until(({ backplane }) => backplane.view().state === 'up', 'up');
  for (const node of both) await eventually(() => node.backplane.view().nodes.length === 2, 'each other');
  return both;
}

/** Starts a proxy to an engine, which can be cut, mute or slow. */
export async function proxyTo(port: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(port);
  proxies.push(proxy);
  return proxy;
}

/** A batch of one cursor, of the namespace `x`. */
export const x = (cursor: string) => [{ namespace: 'x', cursor }];
