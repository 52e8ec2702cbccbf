/** How far an emit has got, in cursors. */
export interface Pace {
  /** Cursors that are due by a time. */
  due(atMs: number): number;
  sent(): number;
}

/** What all emits of a run had to send, and have sent. */
export class Paces {
  readonly #underWay = new Set<Pace>();
  #due = 0;
  #sent = 0;

  /** Begins with an emit; returns what ends it. */
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
