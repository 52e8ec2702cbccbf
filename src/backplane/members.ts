import type { BackplaneNode } from './backplane.js';
import { type Beat, UNHEARD_MS } from './engine.js';

/** The nodes that were heard lately. */
export class Members {
  readonly #others = new Map<string, { beat: Beat; heardAtMs: number }>();

  /** Returns whether the node is a new one. */
  heard(id: string, beat: Beat, nowMs: number): boolean {
    const isNew = !this.#others.has(id);
    this.#others.set(id, { beat, heardAtMs: nowMs });
    return isNew;
  }

  left(id: string): void {
    this.#others.delete(id);
  }

  /** A connection was lost: nobody was heard since. */
  clear(): void {
    this.#others.clear();
  }

  /** Nodes alive now, this one not included. */
  alive(nowMs: number): BackplaneNode[] {
    const nodes: BackplaneNode[] = [];
    for (const [id, { beat, heardAtMs }] of this.#others) {
      const ageMs = nowMs - heardAtMs;
      if (ageMs > UNHEARD_MS) this.#others.delete(id);
      else nodes.push({ id, ...about(beat), ageMs: Math.round(ageMs), isSelf: false });
    }
    return nodes;
  }
}

function about({ version, connections }: Beat): { version: string; connections: number } {
  return { version, connections };
}
