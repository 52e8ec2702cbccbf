import { formatAmount, formatCount } from '../../text/units.js';

/** What `bench find` can raise. */
export type QuantityName = 'clients' | 'connect-rate' | 'emit-rate' | 'deliveries';

export interface Quantity {
  readonly unit: 'count' | 'per second';
  /** Its limit, as `compare` and `--fail-on` name it. */
  readonly metric: string;
  /** What it is a number of. */
  readonly what: string;
  /** Where a search begins when nothing else is said. */
  readonly from: number;
  /** The scenario that is run when none is named. */
  readonly scenario: string;
  /** The durations that the curve shows: the histogram, its metric, and the name that reports use. */
  readonly curve: { readonly histogram: string; readonly metric: string; readonly name: string };
}

const FANOUT = { histogram: 'fanout', metric: 'fanout', name: 'fan-out latency' } as const;

export const QUANTITIES: Readonly<Record<QuantityName, Quantity>> = {
  clients: {
    unit: 'count',
    metric: 'find.clients',
    what: 'clients',
    from: 100,
    scenario: 'load',
    curve: FANOUT,
  },
  'connect-rate': {
    unit: 'per second',
    metric: 'find.connectRate',
    what: 'connects/s',
    from: 50,
    scenario: 'connects',
    curve: { histogram: 'handshake', metric: 'handshake', name: 'handshake' },
  },
  'emit-rate': {
    unit: 'per second',
    metric: 'find.emitRate',
    what: 'cursors/s',
    from: 10,
    scenario: 'load',
    curve: FANOUT,
  },
  deliveries: {
    unit: 'per second',
    metric: 'find.deliveries',
    what: 'deliveries/s',
    from: 1000,
    scenario: 'load',
    curve: FANOUT,
  },
};

export const QUANTITY_NAMES = Object.keys(QUANTITIES) as QuantityName[];

/** A load in words: `1 client`, `1,600 deliveries/s`. */
export function loadText(value: number, of: QuantityName): string {
  return of === 'clients' ? formatAmount(value, 'client') : `${formatCount(value)} ${QUANTITIES[of].what}`;
}
