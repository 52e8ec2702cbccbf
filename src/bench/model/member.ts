/** A process of the server under test that a phase can end or stop. */
export interface Member {
  readonly what: 'worker' | 'node' | 'engine';
  /** Counts from 1; `undefined` for the last one. The engine has none. */
  readonly number: number | undefined;
}

/** What {@link readMember} takes. */
export const MEMBER = 'worker, node or engine, with a number to choose one: node 2';

/** Reads `node`, `worker 2` or `engine`; `undefined` for anything else. */
export function readMember(text: string): Member | undefined {
  const [, what, number] = /^(worker|node|engine)(?: ([1-9]\d{0,2}))?$/.exec(text) ?? [];
  if (what === undefined || (what === 'engine' && number !== undefined)) return undefined;
  return { what: what as Member['what'], number: number === undefined ? undefined : Number(number) };
}

export function memberText({ what, number }: Member): string {
  if (number !== undefined) return `${what} ${number}`;
  return what === 'engine' ? 'the engine' : `the last ${what}`;
}
