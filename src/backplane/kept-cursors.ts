import type { EngineUpdate } from './engine.js';
import { isAfter, ranked } from './register.js';

/** Cursors that the engine has not acknowledged: the newest of each namespace. */
export class KeptCursors {
  readonly #byNamespace = new Map<string, { update: EngineUpdate; sentAtMs: number }>();

  get size(): number {
    return this.#byNamespace.size;
  }

  /** Keeps a cursor unless a newer one is kept. One that is no number is not kept: nobody would miss it. */
  keep(update: EngineUpdate, nowMs: number): void {
    const value = ranked(update);
    if (value === undefined) return;
    const kept = this.#byNamespace.get(update.namespace)?.update;
    const other = kept && ranked(kept);
    if (other !== undefined && !isAfter(value, other)) return;
    this.#byNamespace.set(update.namespace, { update, sentAtMs: nowMs });
  }

  /** Forgets a cursor that was acknowledged; a newer one of its namespace stays. */
  acknowledge(update: EngineUpdate): void {
    if (this.has(update)) this.#byNamespace.delete(update.namespace);
  }

  has(update: EngineUpdate): boolean {
    return this.#byNamespace.get(update.namespace)?.update === update;
  }

  get(namespace: string): EngineUpdate | undefined {
    return this.#byNamespace.get(namespace)?.update;
  }

  /** Those that were sent before a time; each counts as sent now. */
  take(beforeMs: number, nowMs: number): EngineUpdate[] {
    const due: EngineUpdate[] = [];
    for (const kept of this.#byNamespace.values()) {
      if (kept.sentAtMs > beforeMs) continue;
      kept.sentAtMs = nowMs;
      due.push(kept.update);
    }
    return due;
  }
}
