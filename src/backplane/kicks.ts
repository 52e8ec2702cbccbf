import type { Kick } from '../manager/types.js';
import type { KickOutcome } from './backplane.js';
import { within } from './deadline.js';
import type { EngineLink, EngineMessage, NodeClock, NodeMessage } from './engine.js';

/** A kick whose answers are awaited. */
interface Asked {
  readonly waitingFor: Set<string>;
  closed: number;
  answered: number;
  readonly done: () => void;
}

/** Tells all nodes of clients that must lose access, and collects how many each has closed. */
export class Kicks {
  /** Closes clients of this node; how many. */
  closeHere: (kick: Kick) => number | Promise<number> = () => 0;
  readonly #asked = new Map<number, Asked>();
  #lastRequest = 0;

  constructor(
    private readonly node: string,
    private readonly parts: { readonly clock: NodeClock; readonly timeoutMs: number },
    private readonly link: () => EngineLink | undefined,
  ) {}

  /** @param others the nodes that are known: they are waited for. Others that hear of it act as well. */
  async ask(kick: Kick, others: readonly string[]): Promise<KickOutcome> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    let done!: () => void;
    const answers = new Promise<void>((resolve) => {
      done = resolve;
    });
    const asked: Asked = { waitingFor: new Set(others), closed: 0, answered: 0, done };
    this.#asked.set(request, asked);
    const isSent = await this.#send({ kind: 'kick', request, kick });
    if (isSent && asked.waitingFor.size > 0) await within(answers, this.parts.timeoutMs, this.parts.clock);
    this.#asked.delete(request);
    const { closed, answered, waitingFor } = asked;
    return { closed, nodes: 1 + answered, replicated: isSent && waitingFor.size === 0 };
  }

  heard(message: Extract<EngineMessage, { kind: 'kick' | 'kicked' }>): void {
    if (message.kind === 'kick') {
      void this.#close(message);
      return;
    }
    const asked = message.to === this.node ? this.#asked.get(message.request) : undefined;
    if (asked === undefined) return;
    asked.closed += message.closed;
    asked.answered += 1;
    asked.waitingFor.delete(message.node);
    if (asked.waitingFor.size === 0) asked.done();
  }

  async #close({ node: to, request, kick }: Extract<EngineMessage, { kind: 'kick' }>): Promise<void> {
    await this.#send({ kind: 'kicked', to, request, closed: await this.closeHere(kick) });
  }

  /** Returns whether the engine has taken it in time. */
  async #send(message: NodeMessage): Promise<boolean> {
    const { clock, timeoutMs } = this.parts;
    const link = this.link();
    return link !== undefined && (await within(link.send(message), timeoutMs, clock)).in === 'time';
  }
}
