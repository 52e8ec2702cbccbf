import type { RedisClientType } from '@redis/client';
import { distrustReason, isDistrust, messageOf, TRUST_FIX } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import type { ClusterCursor } from '../backplane.js';
import {
  type Beat,
  type BeatReply,
  type ConnectEngine,
  type EngineCaller,
  type EngineEvents,
  type EngineLink,
  type EngineUpdate,
  LEASE_MS,
  type NodeMessage,
  UNHEARD_MS,
  type UpdateMode,
  type UpdateReply,
} from '../engine.js';
import { ranked } from '../register.js';
import { type RedisKeys, redisKeys } from './keys.js';
import { beatText, nodeMessageText, readMessage, readStored } from './messages.js';
import { BEAT, FIELD, LEAVE, RESERVE, RESTATE, type Script, TELL, UPDATE } from './scripts.js';

/** Fields that one HSCAN asks for. */
const SCAN_COUNT = 1000;

/** What a {@link redisConnect} connects to. */
export interface RedisTarget {
  readonly url: string;
  /** Certificates (PEM) to trust. */
  readonly ca?: string | undefined;
  /** Stands before every key and the channel. */
  readonly prefix: string;
  readonly maxNamespaces: number;
  /** Called for what an operator should change, and for messages that no node sends. */
  warn(message: string): void;
}

/** Connects to Redis or Valkey. The client library is loaded here, and not before. */
export function redisConnect(target: RedisTarget): ConnectEngine {
  return async (caller, events, signal) => {
    const { createClient } = await import('@redis/client');
    const client: RedisClientType = createClient({
      url: target.url,
      name: 'datafn-ws',
      // One connection for commands and messages: what was published before the answer to a command comes before it.
      RESP: 3,
      disableOfflineQueue: true,
      // When and how to reconnect is the session's to say.
      socket: {
        reconnectStrategy: false,
        connectTimeout: UNHEARD_MS,
        ...(target.ca === undefined ? {} : { tls: true, ca: target.ca }),
      },
    }) as unknown as RedisClientType;
    const closed = (error: unknown) => events.closed(reasonOf(error));
    client.on('error', closed);
    client.on('terminated', closed);
    const abort = () => client.destroy();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await client.connect();
      const link = new RedisLink(client, redisKeys(target.prefix, caller.node), caller, events, target);
      await link.subscribe();
      return link;
    } catch (error) {
      if (client.isOpen) client.destroy();
      throw new Error(reasonOf(error), { cause: error });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  };
}

/** Why the engine cannot be reached, and what to do about it. */
function reasonOf(error: unknown): string {
  const why = messageOf(error);
  return isDistrust(error) ? `${distrustReason(why)}. ${TRUST_FIX}` : why;
}

class RedisLink implements EngineLink {
  #hasWarned = false;

  constructor(
    private readonly client: RedisClientType,
    private readonly keys: RedisKeys,
    private readonly caller: EngineCaller,
    private readonly events: EngineEvents,
    private readonly target: RedisTarget,
  ) {}

  async subscribe(): Promise<void> {
    await this.client.subscribe(this.keys.channel, (text) => {
      const message = readMessage(text);
      if (message !== undefined) this.events.message(message);
      else this.#warnOnce(`Ignored a message on the channel ${this.keys.channel} that no node sends`);
    });
    void this.#checkEviction();
  }

  async update(items: readonly EngineUpdate[], mode: UpdateMode): Promise<UpdateReply> {
    const { keys, caller, target } = this;
    const args = [keys.channel, caller.node, String(caller.session), mode, String(target.maxNamespaces)];
    for (const item of items) {
      const value = ranked(item);
      const number = value === undefined ? '' : String(value.number);
      const isFor = item.affectedPrincipals?.join(FIELD) ?? '';
      args.push(item.namespace, item.kind, String(item.epoch), number, item.cursor, isFor);
    }
    const reply = await this.#run(UPDATE, [keys.cursors, keys.sequence, keys.node], args);
    if (!Array.isArray(reply)) throw unexpected(reply);
    if (reply[0] === 'stale') return { stale: { index: Number(reply[1]), newest: String(reply[2]) } };
    return { epochs: reply.map(Number) };
  }

  async *scan(): AsyncIterable<readonly ClusterCursor[]> {
    let cursor = '0';
    do {
      const command = ['HSCAN', this.keys.cursors, cursor, 'COUNT', String(SCAN_COUNT)];
      const reply: unknown = await this.client.sendCommand(command);
      const [next, fields] = Array.isArray(reply) ? reply : [];
      if (!Array.isArray(fields)) throw unexpected(reply);
      const items: ClusterCursor[] = [];
      for (let at = 0; at + 1 < fields.length; at += 2) {
        const item = readStored(fields[at], fields[at + 1]);
        if (item !== undefined) items.push(item);
        else this.#warnOnce(`Ignored a field of ${this.keys.cursors} that no node wrote`);
      }
      yield items;
      cursor = String(next);
    } while (cursor !== '0');
  }

  async beat(beat: Beat): Promise<BeatReply> {
    const { keys, caller } = this;
    const reply = await this.#run(
      BEAT,
      [keys.cursors, keys.sequence, keys.node, keys.nodes],
      [keys.channel, caller.node, String(caller.session), String(LEASE_MS), beatText(beat)],
    );
    const [hasCounts, hasCursors] = Array.isArray(reply) ? reply : [];
    return { hasCounts: hasCounts === 1, hasCursors: hasCursors === 1 };
  }

  async reserve(namespace: string, count: number, limit: number): Promise<number> {
    const { keys, caller } = this;
    const most = limit === Number.POSITIVE_INFINITY ? 'inf' : String(limit);
    const args = [caller.node, keys.beginningOfNodes, namespace, String(count), most];
    const granted = await this.#run(RESERVE, [keys.node, keys.nodes], args);
    if (typeof granted !== 'number') throw unexpected(granted);
    return granted;
  }

  async restate(counts: readonly (readonly [namespace: string, count: number])[]): Promise<void> {
    const pairs = counts.flatMap(([namespace, count]) => [namespace, String(count)]);
    await this.#run(RESTATE, [this.keys.node], [String(LEASE_MS), ...pairs]);
  }

  async send(message: NodeMessage): Promise<void> {
    const { keys, caller } = this;
    await this.#run(
      TELL,
      [keys.sequence],
      [keys.channel, caller.node, message.kind, nodeMessageText(message)],
    );
  }

  async leave(): Promise<void> {
    const { keys, caller } = this;
    await this.#run(LEAVE, [keys.sequence, keys.node, keys.nodes], [keys.channel, caller.node]);
  }

  close(): void {
    if (this.client.isOpen) this.client.destroy();
  }

  /** An engine that has been restarted, or flushed, does not have the script any more. */
  async #run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.client.sendCommand(['EVALSHA', script.sha, ...rest]);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return this.client.sendCommand(['EVAL', script.text, ...rest]);
    }
  }

  /** An engine that evicts keys when its memory is full would evict all cursors at once: they are one key. */
  async #checkEviction(): Promise<void> {
    try {
      const info: unknown = await this.client.sendCommand(['INFO', 'memory']);
      const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(String(info)) ?? [];
      if (policy === 'noeviction') return;
      this.target.warn(
        `The engine of the cluster may evict the newest cursors: set its maxmemory-policy to noeviction, it is ${policy}`,
      );
    } catch {
      // Not every user may ask. A connection that is lost is noticed elsewhere.
    }
  }

  #warnOnce(message: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.target.warn(message);
  }
}

function unexpected(reply: unknown): Error {
  return new Error(`the engine answered with ${describe(reply)}`);
}
