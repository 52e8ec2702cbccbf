import type { Backplane, ClusterCursor } from './backplane.js';
import {
  type Beat,
  type BeatReply,
  type ConnectEngine,
  type EngineCaller,
  type EngineEvents,
  type EngineLink,
  type EngineMessage,
  type EngineUpdate,
  LEASE_MS,
  type NodeClock,
  type UpdateMode,
  type UpdateReply,
} from './engine.js';
import { EngineBackplane, type EngineBackplaneParts } from './engine-backplane.js';
import { nodeClock } from './node-clock.js';
import { isAfter, type RegisterValue, ranked } from './register.js';

/** What the engine has of a node. */
interface NodeEntry {
  session: number;
  counts: Map<string, number>;
  leaseEndMs: number;
}

type Sent = EngineMessage extends infer Message
  ? Message extends EngineMessage
    ? Omit<Message, 'sequence'>
    : never
  : never;

/** An engine in this process: what the scripts do in Redis, in plain code. For several servers in one process, and tests. */
export class MemoryEngine {
  readonly #cursors = new Map<string, RegisterValue>();
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #subscribers = new Map<EngineLink, EngineEvents>();
  #sequence = 0;

  constructor(private readonly clock: NodeClock = nodeClock) {}

  /** The newest cursors, by namespace. */
  get cursors(): ReadonlyMap<string, RegisterValue> {
    return this.#cursors;
  }

  readonly connect: ConnectEngine = async (caller, events) => {
    const link: EngineLink = {
      update: async (items, mode) => this.#update(caller, items, mode),
      scan: () => this.#scan(),
      beat: async (beat) => this.#beat(caller, beat),
      reserve: async (namespace, count, limit) => this.#reserve(caller, namespace, count, limit),
      restate: async (counts) => {
        for (const [namespace, count] of counts) this.#count(caller.node, namespace, count);
      },
      send: async (message) => this.#publish({ node: caller.node, ...message }),
      leave: async () => this.#leave(caller),
      close: () => void this.#subscribers.delete(link),
    };
    this.#subscribers.set(link, events);
    return link;
  };

  /** Loses everything, as an engine without persistence does when it restarts; connections stay. */
  flush(): void {
    this.#cursors.clear();
    this.#nodes.clear();
    this.#sequence = 0;
  }

  /** Drops every connection. */
  disconnect(why: string): void {
    const all = [...this.#subscribers.values()];
    this.#subscribers.clear();
    for (const { closed } of all) closed(why);
  }

  #publish(message: Sent): void {
    this.#sequence += 1;
    const whole = { ...message, sequence: this.#sequence } as EngineMessage;
    for (const events of [...this.#subscribers.values()]) events.message(whole);
  }

  #update({ node, session }: EngineCaller, items: readonly EngineUpdate[], mode: UpdateMode): UpdateReply {
    if (mode === 'monotonic') {
      for (const [index, item] of items.entries()) {
        const known = this.#cursors.get(item.namespace);
        const value = ranked(item);
        if (known === undefined || item.kind === 'reset' || value === undefined) continue;
        const epoch = item.kind === 'adopt' ? known.epoch : item.epoch;
        if (epoch < known.epoch || (epoch === known.epoch && value.number < known.number))
          return { stale: { index, newest: known.cursor } };
      }
    }
    const isLate = mode === 'late' || this.#nodes.get(node)?.session !== session;
    const published: ClusterCursor[] = [];
    const epochs = items.map(({ namespace, cursor, kind, epoch: asked, affectedPrincipals }) => {
      const known = this.#cursors.get(namespace);
      const epoch = known === undefined ? asked : epochOf(kind, asked, cursor, known);
      const value = ranked({ cursor, epoch });
      const isNewer = value !== undefined && (known === undefined || isAfter(value, known));
      if (isNewer) this.#cursors.set(namespace, value);
      if (isNewer || !isLate) {
        const isFor = isLate || affectedPrincipals === undefined ? {} : { affectedPrincipals };
        published.push({ namespace, cursor, epoch, ...isFor });
      }
      return epoch;
    });
    if (published.length > 0) this.#publish({ kind: 'cursors', node, late: isLate, items: published });
    return { epochs };
  }

  async *#scan(): AsyncIterable<readonly ClusterCursor[]> {
    yield [...this.#cursors].map(([namespace, { cursor, epoch }]) => ({ namespace, cursor, epoch }));
  }

  #beat({ node, session }: EngineCaller, beat: Beat): BeatReply {
    const entry = this.#alive(node);
    const leaseEndMs = this.clock.nowMs + LEASE_MS;
    this.#nodes.set(node, { counts: entry?.counts ?? new Map(), session, leaseEndMs });
    this.#publish({ kind: 'beat', node, ...beat });
    return { hasCounts: entry !== undefined, hasCursors: this.#cursors.size > 0 };
  }

  #reserve({ node }: EngineCaller, namespace: string, count: number, limit: number): number {
    let others = 0;
    for (const id of [...this.#nodes.keys()])
      if (id !== node) others += this.#alive(id)?.counts.get(namespace) ?? 0;
    const had = this.#alive(node)?.counts.get(namespace) ?? 0;
    const granted = Math.max(Math.min(count, limit - others), Math.min(count, had));
    this.#count(node, namespace, granted);
    return granted;
  }

  #count(node: string, namespace: string, count: number): void {
    const counts = this.#alive(node)?.counts;
    if (count === 0) counts?.delete(namespace);
    else counts?.set(namespace, count);
  }

  #alive(node: string): NodeEntry | undefined {
    const entry = this.#nodes.get(node);
    if (entry === undefined || entry.leaseEndMs > this.clock.nowMs) return entry;
    this.#nodes.delete(node);
    return undefined;
  }

  #leave({ node }: EngineCaller): void {
    this.#nodes.delete(node);
    this.#publish({ kind: 'leave', node });
  }
}

/** The epoch that a cursor belongs to, where the engine knows another of its namespace. */
function epochOf(kind: EngineUpdate['kind'], asked: number, cursor: string, known: RegisterValue): number {
  if (kind === 'adopt') return known.epoch;
  if (kind === 'merge' || asked > known.epoch) return asked;
  // A reset that is said again must not begin another epoch.
  return known.cursor === cursor ? known.epoch : known.epoch + 1;
}

/**
 * A backplane for servers in one process: those that share an engine act as one.
 *
 * @param engine what they share.
 */
export function memoryBackplane(engine: MemoryEngine, parts: Partial<EngineBackplaneParts> = {}): Backplane {
  return new EngineBackplane({
    connect: engine.connect,
    clock: nodeClock,
    timeoutMs: 1000,
    maxNamespaces: 100_000,
    version: '',
    random: Math.random,
    ...parts,
  });
}
