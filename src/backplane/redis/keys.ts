/** What a node uses in the engine. The braces put all of it into one hash slot. */
export interface RedisKeys {
  /** HASH: namespace → newest cursor. */
  readonly cursors: string;
  /** Counts the messages. */
  readonly sequence: string;
  /** SET of the ids of nodes. */
  readonly nodes: string;
  /** What the key of each node begins with. */
  readonly beginningOfNodes: string;
  /** HASH: namespace → clients of this node. It expires with the lease of the node. */
  readonly node: string;
  readonly channel: string;
}

export function redisKeys(prefix: string, node: string): RedisKeys {
  const beginning = `{${prefix}}:`;
  return {
    cursors: `${beginning}cursors`,
    sequence: `${beginning}sequence`,
    nodes: `${beginning}nodes`,
    beginningOfNodes: `${beginning}node:`,
    node: `${beginning}node:${node}`,
    channel: `${beginning}channel`,
  };
}
