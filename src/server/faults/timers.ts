/** Timers that do not keep the process alive, and end with their owner. */
export class Timers {
  readonly #handles = new Set<NodeJS.Timeout>();

  /** Calls back once after `ms`. Returns a function that cancels it. */
  later(ms: number, callback: () => void): () => void {
    const handle = setTimeout(() => {
      this.#handles.delete(handle);
      callback();
    }, ms);
    handle.unref?.();
    this.#handles.add(handle);
    return () => {
      clearTimeout(handle);
      this.#handles.delete(handle);
    };
  }

  clear(): void {
    for (const handle of this.#handles) clearTimeout(handle);
    this.#handles.clear();
  }
}
