import type { TimerHandle } from '../manager/clock.js';
import type {
  Backplane,
  BackplaneListener,
  BackplaneNode,
  BackplaneState,
  BackplaneView,
  ClusterCursor,
  PublishedCursor,
  PublishOptions,
  PublishOutcome,
  Reservation,
} from './backplane.js';
import { BEAT_MS, type NodeClock } from './engine.js';
import type {
  AskMessage,
  MessageToHub,
  MessageToWorker,
  NodesMessage,
  ShareMessage,
} from './ipc-messages.js';
import { nodeClock } from './node-clock.js';
import { OwnShare } from './own-share.js';

/** How a worker reaches its primary process. */
export interface IpcChannel {
  send(message: MessageToHub): void;
}

export interface IpcBackplaneOptions {
  /** The id that the primary gave this worker. */
  readonly id: string;
  /** The most workers that there are at a time. */
  readonly workers: number;
  /** Clients that all workers together may have. */
  readonly maxConnections: number;
  /** Left out for a server that is not part of a cluster. */
  readonly cluster?:
    | {
        /** The id of the server in the cluster. */
        readonly id: string | undefined;
        /** Milliseconds that the engine has to acknowledge cursors or clients. */
        readonly timeoutMs: number;
      }
    | undefined;
  readonly clock?: NodeClock | undefined;
  /** Milliseconds of the system clock, which the primary shares. */
  readonly systemMs?: (() => number) | undefined;
}

/** How long a batch may be on its way to the primary. It takes a fraction of a millisecond, unless that is stopped. */
const ARRIVE_MS = 1000;
/** How long a publish may take without a cluster: the primary waits a second for a worker that hangs. */
const PUBLISH_MS = ARRIVE_MS + 1500;
/** How long a slot may take. It is no shorter than it must be: without an answer, the client is refused. */
const RESERVE_MS = 10_000;

/** How long clients that took slots of the worker's own are not told of, at most. */
const TELL_MS = 100;

/** What the primary answers; nothing to a beat. */
type Heard = PublishOutcome | Reservation | undefined;

/** A question that was not answered yet. */
interface Question {
  readonly answer: (value: Heard) => void;
  /** Answers it without the primary. */
  readonly giveUp: () => void;
  readonly deadline: TimerHandle;
  readonly askedAtMs: number;
}

/**
 * A worker's end of the channel to its primary process, which has an `IpcHub`. The owner of the channel hands every
 * message that comes to {@link IpcBackplane.receive}. The two processes live and die together, so there is no `down`.
 */
export class IpcBackplane implements Backplane {
  /** See {@link Backplane.id}. */
  readonly id: string | undefined;
  readonly #clock: NodeClock;
  readonly #systemMs: () => number;
  readonly #questions = new Map<number, Question>();
  /** Came before `start`. */
  readonly #early: MessageToWorker[] = [];
  #listener: BackplaneListener | undefined;
  #state: BackplaneState = 'connecting';
  #lastId = 0;
  #lagMs: number | undefined;
  #beatConnections: number | undefined;
  #beatTimer: TimerHandle | undefined;
  #nodes: NodesMessage['nodes'] = [];
  #nodesAtMs: number;
  readonly #share: OwnShare;
  #tellTimer: TimerHandle | undefined;

  constructor(
    private readonly channel: IpcChannel,
    private readonly options: IpcBackplaneOptions,
  ) {
    this.id = options.cluster?.id;
    this.#clock = options.clock ?? nodeClock;
    this.#systemMs = options.systemMs ?? Date.now;
    this.#nodesAtMs = this.#clock.nowMs;
    this.#share = new OwnShare(options);
  }

  start(listener: BackplaneListener): void {
    if (this.#state === 'closed') return;
    this.#listener = listener;
    for (const message of this.#early.splice(0)) this.receive(message);
    this.#beat();
  }

  /** Takes a message of the primary. */
  receive(message: MessageToWorker): void {
    if (this.#state === 'closed') return;
    if (message.type === 'ask' || message.type === 'share') {
      this.#shareChanged(message);
      return;
    }
    if (this.#listener === undefined) {
      this.#early.push(message);
      return;
    }
    switch (message.type) {
      case 'cursors':
        this.#cursors(message.items, message.id);
        break;
      case 'snapshot':
        if (message.items.length > 0) this.#listener.cursors(message.items, true);
        if (message.isLast) this.#setState('up');
        break;
      case 'published':
        this.#heard(message.id, message.outcome);
        break;
      case 'reserved':
        this.#heard(message.id, {
          granted: message.granted,
          checked: true,
          ...(message.isTotal ? { isTotal: true } : {}),
        });
        break;
      case 'beaten':
        this.#heard(message.id, undefined);
        break;
      case 'nodes':
        this.#nodes = message.nodes;
        this.#nodesAtMs = this.#clock.nowMs;
    }
  }

  publish(items: readonly PublishedCursor[], options: PublishOptions = {}): Promise<PublishOutcome> {
    const { cluster } = this.options;
    const { monotonic } = options;
    const isRequired = monotonic || options.required;
    const expiresAtMs = isRequired ? this.#systemMs() + ARRIVE_MS : undefined;
    return this.#ask<PublishOutcome>(
      (id) => ({ type: 'publish', id, items, monotonic, expiresAtMs }),
      () => ({ replicated: false, nodes: 1 }),
      // The primary answers before that, so what it delivers elsewhere is not taken for lost here.
      PUBLISH_MS + (cluster?.timeoutMs ?? 0),
    );
  }

  async reserve(namespace: string, count: number, limit: number): Promise<Reservation> {
    // As if the primary were away: this server is closing, and closes its clients next.
    if (this.#state === 'closed') return { granted: count, checked: false };
    const had = this.#share.count(namespace);
    this.tell();
    this.#share.set(namespace, count);
    const answer = await this.#ask<Reservation | undefined>(
      (id) => ({
        type: 'reserve',
        id,
        namespace,
        count,
        limit: limit === Number.POSITIVE_INFINITY ? null : limit,
      }),
      () => undefined,
      // The engine may have to be reached first.
      RESERVE_MS + 2 * (this.options.cluster?.timeoutMs ?? 0),
    );
    this.#share.set(namespace, answer?.granted ?? had);
    // Limits stay exact: a client too few, never one too many.
    return answer ?? { granted: 0, checked: true };
  }

  take(namespace: string, count: number, limit: number): boolean {
    if (this.#state !== 'up' || !this.#share.take(namespace, count, limit)) return false;
    this.#tellTimer ??= this.#clock.setTimeout(() => this.tell(), TELL_MS);
    return true;
  }

  /** Tells now which slots were taken without asking. */
  tell(): void {
    if (this.#tellTimer === undefined) return;
    this.#clock.clearTimeout(this.#tellTimer);
    this.#tellTimer = undefined;
    this.channel.send({ type: 'held', counts: this.#share.untold() });
  }

  view(): BackplaneView {
    const { id } = this.options;
    const ageMs = Math.max(0, Math.round(this.#clock.nowMs - this.#nodesAtMs));
    const nodes = this.#nodes.map((node): BackplaneNode => {
      const isSelf = node.id === id;
      const connections = (isSelf ? this.#listener?.connections() : undefined) ?? node.connections;
      // A worker that ends is taken off the list at once, so it is as old as the list at most.
      return { ...node, connections, isSelf, ageMs: isSelf ? 0 : ageMs };
    });
    return { state: this.#state, kept: this.#questions.size, lagMs: this.#lagMs, nodes };
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.channel.send({ type: 'leave' });
    this.#setState('closed');
    if (this.#tellTimer !== undefined) this.#clock.clearTimeout(this.#tellTimer);
    if (this.#beatTimer !== undefined) this.#clock.clearTimeout(this.#beatTimer);
    for (const { giveUp } of [...this.#questions.values()]) giveUp();
  }

  /** Others wait for the answer, so it does not wait for `start`. */
  #shareChanged(message: AskMessage | ShareMessage): void {
    const { type, namespaces, all } = message;
    this.#share[type](namespaces, all);
    if (type === 'share' || message.id === undefined) return;
    this.tell();
    this.channel.send({ type: 'asking', id: message.id });
  }

  #cursors(items: readonly ClusterCursor[], id: number | undefined): void {
    const counts = this.#listener?.cursors(items, false) ?? [];
    if (id !== undefined) this.channel.send({ type: 'delivered', id, counts });
  }

  /** Tells how many clients there are, when that has changed. */
  #beat(): void {
    if (this.#state === 'closed') return;
    const connections = this.#listener?.connections() ?? 0;
    if (connections !== this.#beatConnections) {
      this.#beatConnections = connections;
      void this.#ask<undefined>(
        (id) => ({ type: 'beat', id, connections }),
        () => undefined,
        BEAT_MS,
      );
    }
    this.#beatTimer = this.#clock.setTimeout(() => this.#beat(), BEAT_MS);
  }

  #setState(state: BackplaneState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listener?.state(state);
  }

  #ask<Answer extends Heard>(
    question: (id: number) => MessageToHub,
    unanswered: () => Answer,
    timeoutMs: number,
  ): Promise<Answer> {
    if (this.#state === 'closed') return Promise.resolve(unanswered());
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const giveUp = () => this.#answered(id, unanswered());
      this.#questions.set(id, {
        answer: resolve as Question['answer'],
        giveUp,
        deadline: this.#clock.setTimeout(giveUp, timeoutMs),
        askedAtMs: this.#clock.nowMs,
      });
      this.channel.send(question(id));
    });
  }

  #heard(id: number, value: Heard): void {
    const question = this.#questions.get(id);
    if (question !== undefined) this.#lagMs = Math.max(0, this.#clock.nowMs - question.askedAtMs);
    this.#answered(id, value);
  }

  #answered(id: number, value: Heard): void {
    const question = this.#questions.get(id);
    if (question === undefined) return;
    this.#questions.delete(id);
    this.#clock.clearTimeout(question.deadline);
    question.answer(value);
  }
}
