/** How far a phase has got, in cursors or connects. */
export interface Pace {
  /** Those that are due by a time. */
  due(atMs: number): number;
  sent(): number;
}

/** What all phases of a kind had to do, and have done. */
export class Paces {
  readonly #underWay = new Set<Pace>();
  #due = 0;
  #sent = 0;

  /** Begins with a phase; returns what ends it. */
  begin(pace: Pace): (atMs: number) => void {
    this.#underWay.add(pace);
    return (atMs) => {
      this.#underWay.delete(pace);
      this.#due += pace.due(atMs);
      this.#sent += pace.sent();
    };
  }

  at(atMs: number): { readonly due: number; readonly sent: number } {
    const paces = [...this.#underWay];
    return {
      due: paces.reduce((total, pace) => total + pace.due(atMs), this.#due),
      sent: paces.reduce((total, pace) => total + pace.sent(), this.#sent),
    };
  }
}
