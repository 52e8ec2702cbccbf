import type { FaultPreset } from '../../options/fault-presets.js';

type Rules = readonly Readonly<Record<string, unknown>>[];

/** The rules of each preset; checked as any other by `parsePlan`. */
const RULES: Readonly<Record<FaultPreset, Rules>> = {
  'flaky-train': [
    { fault: 'delay-handshake', delayMs: 600, jitterMs: 400 },
    { fault: 'delay', delayMs: 400, jitterMs: 300 },
    { fault: 'bandwidth', bytesPerSecond: 4096 },
    { fault: 'offline', downMs: 5000, everyMs: 30_000 },
  ],
  'bad-wifi': [
    { fault: 'drop', probability: 0.1 },
    { fault: 'duplicate', probability: 0.05 },
    { fault: 'delay', delayMs: 150, jitterMs: 150, probability: 0.3 },
    { fault: 'reset', on: 'cursor', probability: 0.02 },
  ],
  'silent-nat': [{ fault: 'half-open', on: 'cursor', every: 10 }],
  'busy-server': [
    { fault: 'delay-handshake', delayMs: 2000, jitterMs: 1500 },
    { fault: 'refuse', status: 503, probability: 0.3 },
    { fault: 'http-delay', delayMs: 3000, jitterMs: 2500 },
    { fault: 'http-error', status: 503, probability: 0.2 },
    { fault: 'late-heartbeat', delayMs: 5000, jitterMs: 4000 },
    { fault: 'delay', delayMs: 800, jitterMs: 700 },
  ],
  'bad-backend': [
    { fault: 'stale-pull', probability: 0.3 },
    { fault: 'lost-answer', probability: 0.2 },
    { fault: 'conflict', probability: 0.1 },
    { fault: 'http-error', status: 500, probability: 0.1 },
    { fault: 'empty-body', probability: 0.05 },
  ],
  deploy: [{ fault: 'restart', downMs: 2000, everyMs: 30_000 }],
  'strange-proxy': [
    { fault: 'extra-fields' },
    { fault: 'fragment', parts: 3 },
    { fault: 'byte-by-byte' },
    { fault: 'no-pings' },
  ],
  'out-of-order': [
    { fault: 'drop-last', probability: 0.2 },
    { fault: 'lower', probability: 0.1 },
    { fault: 'duplicate', probability: 0.1 },
    { fault: 'reorder', window: 3 },
  ],
};

/** The rules of a preset. */
export function presetRules(name: FaultPreset): Rules {
  return RULES[name];
}
