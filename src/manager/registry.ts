import { ownCopy } from '../text/own-copy.js';
import type { HeartbeatEntry, PingBatch } from './heartbeat.js';
import { type Member, Principals } from './principals.js';
import type { ClientInfo, Kick, WebSocketClient } from './types.js';

/** One tracked client. */
export class ClientRecord implements HeartbeatEntry, Member {
  clientId: string | undefined = undefined;
  unanswered: PingBatch | undefined = undefined;
  /** What the client stands for, if anything. */
  principals: ReadonlySet<string> | undefined = undefined;

  constructor(
    readonly client: WebSocketClient,
    readonly namespace: string,
    /** Greater than that of every client that was there before. */
    readonly serial: number,
  ) {}

  describe(): ClientInfo {
    const { namespace, clientId, principals } = this;
    return principals === undefined
      ? { namespace, clientId }
      : { namespace, clientId, principals: [...principals] };
  }
}

const NO_CLIENTS: ReadonlySet<ClientRecord> = new Set();

/** Who is connected, by client and by namespace. Add, remove and look-up take constant time. */
export class Registry {
  readonly #byClient = new Map<WebSocketClient, ClientRecord>();
  readonly #byNamespace = new Map<string, Set<ClientRecord>>();
  readonly principals = new Principals<ClientRecord>();
  #lastSerial = 0;

  /** The serial number of the newest client. */
  get lastSerial(): number {
    return this.#lastSerial;
  }

  get size(): number {
    return this.#byClient.size;
  }

  get namespaceCount(): number {
    return this.#byNamespace.size;
  }

  get(client: WebSocketClient): ClientRecord | undefined {
    return this.#byClient.get(client);
  }

  /** The clients of a namespace in the order in which they came. Safe to iterate while clients come and go. */
  of(namespace: string): ReadonlySet<ClientRecord> {
    return this.#byNamespace.get(namespace) ?? NO_CLIENTS;
  }

  /** The clients of a principal, of a namespace, or of both. */
  matching({ namespace, principal }: Kick): ClientRecord[] {
    if (principal !== undefined) return this.principals.of(principal.trim(), namespace);
    return namespace === undefined ? [] : [...this.of(namespace)];
  }

  all(): IterableIterator<ClientRecord> {
    return this.#byClient.values();
  }

  *namespaces(): IterableIterator<{ namespace: string; connections: number }> {
    for (const [namespace, records] of this.#byNamespace) yield { namespace, connections: records.size };
  }

  add(client: WebSocketClient, namespace: string, principals?: ReadonlySet<string>): ClientRecord {
    this.#lastSerial += 1;
    const records = this.#byNamespace.get(namespace) ?? new Set();
    // All clients of a namespace share one string.
    const [first] = records;
    const record = new ClientRecord(client, first?.namespace ?? ownCopy(namespace), this.#lastSerial);
    this.#byClient.set(client, record);
    if (first === undefined) this.#byNamespace.set(record.namespace, records);
    records.add(record);
    if (principals !== undefined) this.principals.add(record, principals);
    return record;
  }

  /** Forgets a client; a namespace goes with its last one. */
  remove(client: WebSocketClient): ClientRecord | undefined {
    const record = this.#byClient.get(client);
    if (record === undefined) return undefined;
    this.#byClient.delete(client);
    this.principals.remove(record);
    const records = this.#byNamespace.get(record.namespace);
    if (records !== undefined) {
      records.delete(record);
      if (records.size === 0) this.#byNamespace.delete(record.namespace);
    }
    return record;
  }

  /** Forgets everybody and returns who was there. */
  clear(): ClientRecord[] {
    const records = [...this.#byClient.values()];
    this.#byClient.clear();
    this.principals.clear();
    // Emptied one by one: a broadcast may be under way in one of them, and it ends here.
    for (const one of this.#byNamespace.values()) one.clear();
    this.#byNamespace.clear();
    return records;
  }
}
