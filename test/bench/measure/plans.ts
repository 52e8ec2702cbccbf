import fc from 'fast-check';
import { EMIT_TIMINGS, type EmitOrder } from '../../../src/bench/emitter/emitter.js';
import type { EmissionPlan } from '../../../src/bench/measure/emission-plan.js';
import { type Stage, totalMs } from '../../../src/bench/measure/stages.js';

/** A plan with the given parts; the rest is of no importance. */
export function planOf(parts: Partial<EmissionPlan> = {}): EmissionPlan {
  return {
    id: 1,
    firstCursor: 1000,
    count: 100,
    namespaces: [0],
    batch: 1,
    startMs: 0,
    intervalMs: 10,
    isOrdered: true,
    cursorLength: 0,
    ...parts,
  };
}

/** Plans of some namespaces and batches; namespaces have other numbers than turns. */
export const planArb: fc.Arbitrary<EmissionPlan> = fc
  .record({
    namespaces: fc.uniqueArray(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 6 }),
    batch: fc.integer({ min: 1, max: 4 }),
    requests: fc.integer({ min: 1, max: 25 }),
    firstCursor: fc.integer({ min: 1, max: 1e15 }),
    startMs: fc.integer({ min: 1, max: 1_000_000 }),
    intervalMs: fc.constantFrom(0.5, 10, 1000 / 3),
    jitterSeed: fc.option(fc.nat()),
  })
  .map(({ requests, jitterSeed, ...parts }) =>
    planOf({
      ...parts,
      count: requests * parts.batch,
      ...(jitterSeed === null ? {} : { jitterSeed }),
    }),
  );

/** Every cursor of a plan, one by one, the way it is emitted. */
export function enumerate(plan: EmissionPlan) {
  const perNamespace = new Map<number, number>();
  const cursors: { index: number; turn: number; namespace: number; ordinal: number; request: number }[] = [];
  let index = 0;
  for (let request = 0; index < plan.count; request++) {
    const turn = request % plan.namespaces.length;
    const namespace = plan.namespaces[turn] as number;
    for (let item = 0; item < plan.batch; item++, index++) {
      const ordinal = perNamespace.get(namespace) ?? 0;
      perNamespace.set(namespace, ordinal + 1);
      cursors.push({ index, turn, namespace, ordinal, request });
    }
  }
  return cursors;
}

/** When plans of {@link orderArb} begin. */
export const START_MS = 5000;

const rateArb = fc.integer({ min: 1, max: 80 });

export const stagesArb: fc.Arbitrary<Stage[]> = fc.array(
  fc.record({
    fromPerSecond: rateArb,
    toPerSecond: rateArb,
    durationMs: fc.integer({ min: 100, max: 3000 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Emits of every shape. */
export const orderArb: fc.Arbitrary<EmitOrder> = fc
  .record({
    stages: stagesArb,
    namespaces: fc.constantFrom([0], [3, 1, 2], [5, 6, 7, 8, 9, 10, 11]),
    batch: fc.integer({ min: 1, max: 3 }),
    at: fc.constantFrom(...EMIT_TIMINGS),
    burst: fc.option(fc.integer({ min: 2, max: 30 })),
    weights: fc.constantFrom('equal' as const, 'zipf' as const),
  })
  .map(({ burst, stages, ...parts }) => ({
    ...parts,
    stages,
    ...(burst === null ? {} : { burst }),
    ratePerSecond: undefined,
    durationMs: totalMs(stages),
    cursorLength: 0,
    connections: 1,
    to: 'first',
    owes: 'every',
  }));
