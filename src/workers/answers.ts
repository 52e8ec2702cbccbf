import type { Answer, Ask, Questions } from './messages.js';

/** How long the other process may take. */
const ANSWER_MS = 5000;

/** Questions to another process that are not answered yet. */
export class Answers {
  readonly #open = new Map<number, (value: unknown) => void>();
  #lastId = 0;

  constructor(private readonly send: (question: Ask) => void) {}

  /** Asks the other process. Resolves with `undefined` when it has ended, or does not answer in time. */
  ask<Name extends keyof Questions>(
    name: Name,
    argument?: Questions[Name]['argument'],
  ): Promise<Questions[Name]['answer'] | undefined> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => this.heard({ type: 'answer', id }), ANSWER_MS);
      deadline.unref();
      this.#open.set(id, (value) => {
        clearTimeout(deadline);
        resolve(value as Questions[Name]['answer'] | undefined);
      });
      this.send({ type: 'ask', id, name, argument } as Ask);
    });
  }

  heard({ id, value }: Answer): void {
    const resolve = this.#open.get(id);
    this.#open.delete(id);
    resolve?.(value);
  }

  /** The other process has ended. */
  giveUp(): void {
    for (const id of [...this.#open.keys()]) this.heard({ type: 'answer', id });
  }
}
