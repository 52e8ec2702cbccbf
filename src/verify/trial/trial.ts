import { ApiClient } from '../../emit/api-client.js';
import { cursorNumber, readMessage } from '../../protocol/client.js';
import { MAX_CURSOR_LENGTH } from '../../protocol/identifiers.js';
import { PLAIN_UPGRADE, type UpgradeSettings } from '../../protocol/upgrade.js';
import type { ClauseInfo } from '../model/result.js';
import { hex } from '../peer/frames.js';
import { Peer, type PeerOptions } from '../peer/peer.js';
import type { TargetAccess } from '../target/settings.js';
import type { Tenant } from '../target/tenants.js';
import type { Caused, Trigger, TriggerKind } from '../target/triggers.js';
import { ClauseFailure, ClauseSkipped } from './failure.js';
import type { ClientRecord, Ledger } from './ledger.js';

/** How a client of a trial differs from a plain one. */
export interface ClientOptions
  extends Partial<Pick<PeerOptions, 'method' | 'headers' | 'pongs' | 'answersClose'>> {
  /** Whose token it sends; without one it sends none. */
  readonly tenant?: Tenant | undefined;
  /** A token that belongs to no namespace. */
  readonly token?: string;
  readonly upgrade?: UpgradeSettings;
  /** What it is called in the steps, such as `a client`. */
  readonly name?: string;
  /** Whether it only exists to be flooded, so that what it gets is not kept. */
  readonly isUnrecorded?: boolean;
}

/** How long clients have to leave at the end of a trial. */
const LEAVE_MS = 1000;

/** Together some 18 MB: the kernel buffers up to 10 MB for a connection within a machine. */
const FLOOD_BATCHES = 64;
const FLOOD_ITEMS = 1000;

/** The test of one clause: its clients, what was done so far, and its verdict. */
export class Trial {
  /** What was done so far. */
  readonly steps: string[] = [];
  readonly #peers: Peer[] = [];
  /** Clients that answer every ping at once. */
  readonly #answering: { readonly peer: Peer; readonly record: ClientRecord }[] = [];
  #trigger: Trigger | undefined;

  constructor(
    readonly clause: Pick<ClauseInfo, 'id'>,
    readonly target: TargetAccess,
    readonly ledger: Ledger,
  ) {}

  /** Milliseconds that anything may take which the server has to do. */
  get patienceMs(): number {
    return this.target.patienceMs;
  }

  did(step: string): void {
    // A step that is repeated a hundred times is one line.
    if (this.steps.at(-1) !== step) this.steps.push(step);
  }

  /** Ends the trial: the clause does not hold. */
  fail(expected: string, got: string): never {
    throw new ClauseFailure({ done: [...this.steps], expected, got });
  }

  /** Ends the trial: the clause cannot be tested here. */
  skip(reason: string, remedy?: string): never {
    throw new ClauseSkipped(reason, remedy);
  }

  /** The namespace with this index, from 0. Skips the clause where there is no token for it. */
  tenant(index = 0): Tenant {
    const { id } = this.clause;
    return (
      this.target.tenants.at(id, index) ??
      this.skip(
        `it takes tokens of ${index + 1} namespaces`,
        index === 0
          ? '--token-a TOKEN'
          : index === 1
            ? '--token-b TOKEN'
            : '--token-template TEXT or --jwt-secret',
      )
    );
  }

  /** Two namespaces. */
  tenants(): [Tenant, Tenant] {
    return [this.tenant(0), this.tenant(1)];
  }

  /** The status that a client gets which asks for an upgrade now; 0 when it gets no answer. */
  async statusOfAnother(): Promise<number> {
    const { url, tls, upgrade } = this.target;
    const peer = new Peer({ url, tls, upgrade, token: this.tenant().token });
    this.#peers.push(peer);
    this.did('connected another client');
    await peer.until(() => peer.status !== 0 || peer.ended !== undefined, this.patienceMs);
    return peer.status;
  }

  /** Connects a client. Resolves when the handshake was answered, whatever the answer. */
  async connect(options: ClientOptions = {}): Promise<Peer> {
    const { tenant, token = tenant?.token, upgrade = this.target.upgrade ?? PLAIN_UPGRADE } = options;
    const { name = 'a client', isUnrecorded = false, pongs = 'at once' } = options;
    const { url, tls } = this.target;
    const record = this.ledger.record(this.clause.id, tenant?.token);
    const peer: Peer = new Peer({
      ...options,
      ...{ url, tls, token, upgrade, pongs },
      onText: (text) => {
        this.ledger.message(text);
        if (!isUnrecorded) record.hear(text);
      },
      onBreach: (breach, frame) => this.ledger.breach(this.clause.id, breach, frame),
    });
    this.#peers.push(peer);
    this.did(`connected ${name}${token === undefined ? ' without a token' : ''}`);
    const isAnswered = await peer.until(
      () => peer.status !== 0 || peer.ended !== undefined,
      this.patienceMs * 2,
    );
    if (!isAnswered || peer.status === 0) this.fail('an answer to the handshake', peer.state);
    if (pongs === 'at once') this.#answering.push({ peer, record });
    return peer;
  }

  /** Connects a client and insists that it is admitted. */
  async admitted(tenant: Tenant, options: Omit<ClientOptions, 'tenant'> = {}): Promise<Peer> {
    const peer = await this.connect({ ...options, tenant });
    if (peer.status !== 101) this.fail('101 Switching Protocols', peer.state);
    await peer.roundTrip(this.patienceMs);
    if (!peer.isOpen) this.fail('the client to be admitted', peer.state);
    return peer;
  }

  /** Has the server read what a client sent, and insists that it is still connected. */
  async stillServed(peer: Peer, after: string): Promise<void> {
    if (await peer.roundTrip(this.patienceMs)) return;
    this.fail(
      `the connection to stay open after ${after}, and its pings to be answered`,
      peer.isOpen ? 'no pong' : peer.state,
    );
  }

  /** Waits for the server to close a client. */
  async closed(peer: Peer, expected: string, ms = this.patienceMs): Promise<void> {
    const isOver = await peer.until(() => peer.closeFrame !== undefined || peer.ended !== undefined, ms);
    if (!isOver) this.fail(expected, `${peer.state} after ${ms} ms`);
  }

  /** How cursors are caused; skips the clause where there is no way to. */
  get triggerKind(): TriggerKind {
    const { trigger, whyNoTrigger } = this.target;
    return (
      trigger ??
      this.skip(
        whyNoTrigger ?? 'there is no way to cause a cursor',
        '--trigger api, --trigger push or --trigger "command:…"',
      )
    );
  }

  /** Causes a cursor in a namespace. */
  async cause(tenant: Tenant, cursor?: string): Promise<Caused> {
    const { namespace } = tenant;
    const kind = this.triggerKind;
    if (kind.name === 'api' && namespace === undefined)
      this.skip('the API takes the name of a namespace', '--namespace-a NS and --namespace-b NS');
    this.#trigger ??= kind.open(this.ledger.next);
    const chosen = kind.choosesCursor ? (cursor ?? this.ledger.next()) : undefined;
    // Before it is sent: it may arrive before the answer does.
    if (chosen !== undefined) this.ledger.caused(chosen, tenant.token);
    const caused = await this.#trigger.cause(tenant, chosen);
    this.did(caused.words);
    return caused;
  }

  /** Whether a client has got a cursor that was caused, or where it is not chosen, one as high. */
  hasGot(peer: Peer, { cursor }: Caused, from = 0): boolean {
    const wanted = cursor === undefined ? Number.NEGATIVE_INFINITY : cursorNumber(cursor);
    const isExact = this.target.trigger?.choosesCursor === true;
    return numbersOf(peer.texts.slice(from)).some((one) => (isExact ? one === wanted : one >= wanted));
  }

  /** Causes a cursor and waits until each client has it. */
  async delivered(tenant: Tenant, peers: readonly Peer[], who = 'the client'): Promise<Caused> {
    const before = peers.map(({ texts }) => texts.length);
    const caused = await this.cause(tenant);
    for (const [index, peer] of peers.entries()) {
      const from = before[index] ?? 0;
      if (await peer.until(() => this.hasGot(peer, caused, from), this.patienceMs)) continue;
      if (!peer.isOpen) this.fail(`${who} to get ${cursorWords(caused)}`, peer.state);
      this.fail(`${who} to get ${cursorWords(caused)}`, receivedWords(peer));
    }
    return caused;
  }

  /**
   * Emits more than the buffers between a server and a client hold. Only through the API.
   *
   * @param afterBatch called after each thousand.
   */
  async flood({ namespace = '', token }: Tenant, afterBatch: () => Promise<void>): Promise<void> {
    const { api } = this.target;
    if (api === undefined) this.skip('it takes an API to emit thousands of cursors', '--trigger api');
    const client = new ApiClient(api);
    try {
      for (let batch = 0; batch < FLOOD_BATCHES; batch++) {
        const items = Array.from({ length: FLOOD_ITEMS }, () => ({
          namespace,
          cursor: this.ledger.next().padEnd(MAX_CURSOR_LENGTH, '.'),
        }));
        this.ledger.flooded(items[0]?.cursor ?? '', items.at(-1)?.cursor ?? '', token);
        await client.emit(items);
        await afterBatch();
      }
    } finally {
      client.close();
    }
    this.did(
      `emitted ${FLOOD_BATCHES * FLOOD_ITEMS} cursors of ${MAX_CURSOR_LENGTH} characters to its namespace`,
    );
  }

  /** Ends every connection, so that the next trial finds their slots free. */
  async dispose(): Promise<void> {
    this.#trigger?.close();
    for (const { peer, record } of this.#answering)
      record.isFalseTimeout = /heartbeat|ping timeout/i.test(peer.closeFrame?.reason ?? '');
    await Promise.all(this.#peers.map((peer) => peer.leave(LEAVE_MS)));
  }
}

/** The cursors among texts, as clients compare them. */
export function numbersOf(texts: readonly string[]): number[] {
  return texts.flatMap((text) => {
    const message = readMessage(text);
    return message.isCursor ? [message.cursor] : [];
  });
}

function cursorWords({ cursor }: Caused): string {
  return cursor === undefined ? 'a cursor' : `cursor ${cursor}`;
}

/** What a client got, for a failure: the last of it, with its bytes. */
export function receivedWords({ texts }: Peer): string {
  const last = texts.at(-1);
  if (last === undefined) return 'nothing';
  const bytes = Buffer.from(last);
  const many = texts.length === 1 ? '' : `${texts.length} messages, the last `;
  return `${many}${JSON.stringify(last.slice(0, 120))} (${hex(bytes)})`;
}
