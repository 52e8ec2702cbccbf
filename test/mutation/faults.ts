/** A rule of a shipped scenario, its own or an implicit one, that a fault has to break. */
export interface Catch {
  readonly scenario: string;
  /** As the scenario has it. */
  readonly rule: string;
  /** The actual value that the report has to show: exactly, or by a pattern. */
  readonly actual: string | RegExp;
}

/** For each mistake that the faulty server can make, the shipped scenarios that notice it, and by which rule. */
export const FAULTS: Readonly<Record<string, readonly Catch[]>> = {
  'limit-off-by-one': [
    { scenario: 'limits', rule: 'hot.accepted == 100', actual: '101' },
    { scenario: 'capacity', rule: 'extra.closed[4503 "Connection limit reached"] == 1', actual: '0' },
    { scenario: 'smoke', rule: 'hot.accepted == 50', actual: '51' },
  ],
  'limit-off-by-one-less': [
    { scenario: 'limits', rule: 'hot.accepted == 100', actual: '99' },
    { scenario: 'capacity', rule: 'full.accepted == 10000', actual: '9,900' },
  ],
  'global-limit-ignored': [
    { scenario: 'limits', rule: 'crowd.accepted == 50', actual: '900' },
    { scenario: 'capacity', rule: 'extra.closed[4503 "Connection limit reached"] == 1', actual: '0' },
  ],
  'refuses-with-1013': [
    { scenario: 'limits', rule: 'hot.closed[4503 "Namespace connection limit reached"] == 200', actual: '0' },
    { scenario: 'limits', rule: 'crowd.closed[4503 "Connection limit reached"] == 850', actual: '0' },
  ],
  'no-heartbeat': [
    { scenario: 'heartbeat', rule: 'silent.closed[1001 "Heartbeat timeout"] == 400', actual: '0' },
    { scenario: 'smoke', rule: 'silent.closed[1001 "Heartbeat timeout"] == 50', actual: '0' },
    { scenario: 'hostile', rule: 'silent.closed[1001 "Heartbeat timeout"] == 50', actual: '0' },
    { scenario: 'heartbeat', rule: 'heartbeat.neverPinged == 0', actual: '2,000' },
    // No rule of these is about pings: what every server owes is judged in each.
    { scenario: 'heartbeat', rule: 'heartbeat.overdue == 0', actual: '2,000' },
    { scenario: 'hostile', rule: 'heartbeat.overdue == 0', actual: /^[1-9]/ },
  ],
  'kills-healthy': [
    { scenario: 'heartbeat', rule: 'heartbeat.falseTimeouts == 0', actual: /^[1-9]/ },
    { scenario: 'smoke', rule: 'heartbeat.falseTimeouts == 0', actual: /^[1-9]/ },
    { scenario: 'hostile', rule: 'healthy.heartbeat.falseTimeouts == 0', actual: /^[1-9]/ },
  ],
  'timeout-twice-as-long': [
    { scenario: 'heartbeat', rule: 'silent.heartbeat.timeout.p50 < 1700ms', actual: /^(1\.[7-9]|2)/ },
  ],
  'loses-every-1000th-cursor': [{ scenario: 'many-namespaces', rule: 'cursors.lost == 0', actual: '6' }],
  'duplicates-one': [
    { scenario: 'fanout', rule: 'cursors.duplicated == 0', actual: '1' },
    { scenario: 'many-namespaces', rule: 'cursors.duplicated == 0', actual: '1' },
  ],
  'swaps-two': [
    { scenario: 'fanout', rule: 'cursors.reordered == 0', actual: '1' },
    { scenario: 'many-namespaces', rule: 'cursors.reordered == 0', actual: '1' },
  ],
  'leaks-one': [
    { scenario: 'fanout', rule: 'cursors.leaked == 0', actual: '1' },
    { scenario: 'many-namespaces', rule: 'cursors.leaked == 0', actual: '1' },
    { scenario: 'spoofing', rule: 'cursors.leaked == 0', actual: '1' },
  ],
  'obeys-spoofed-namespace': [
    { scenario: 'spoofing', rule: 'spoofers.cursors.leaked == 0', actual: /^[1-9]/ },
    { scenario: 'hostile', rule: 'spoofers.cursors.leaked == 0', actual: /^[1-9]/ },
  ],
  'no-4401': [
    { scenario: 'smoke', rule: 'noToken.accepted == 0', actual: '50' },
    { scenario: 'hostile', rule: 'forged.closed[4401 "Unauthorized"] == 50', actual: '0' },
  ],
  'shutdown-without-1001': [
    { scenario: 'shutdown', rule: 'clients.closed[1001 "Going Away"] == 1500', actual: '0' },
    { scenario: 'reconnect-storm', rule: 'fleet.closed[1001 "Going Away"] == 2000', actual: '0' },
  ],
  'hangs-up': [
    { scenario: 'fanout', rule: 'open == 3000', actual: '0' },
    { scenario: 'limits', rule: 'open == 2000', actual: /^\d{1,3}$/ },
  ],
  'evicts-late': [{ scenario: 'limits', rule: 'refused.late == 0', actual: /^[1-9]/ }],
  'pings-half': [{ scenario: 'heartbeat', rule: 'heartbeat.neverPinged == 0', actual: /^[1-9]/ }],
  'pads-cursors': [
    { scenario: 'fanout', rule: 'cursors.foreign == 0', actual: /^[1-9]/ },
    { scenario: 'many-namespaces', rule: 'cursors.lost == 0', actual: /^[1-9]/ },
  ],
  'leaks-slot-on-reset': [
    { scenario: 'churn', rule: 'after.accepted == 300', actual: '299' },
    { scenario: 'churn', rule: 'rude.closed == 0', actual: /^[1-9]/ },
  ],
  'counts-unauthenticated': [{ scenario: 'limits', rule: 'crowd.accepted == 50', actual: '0' }],
  'serves-after-hello-only': [{ scenario: 'fanout', rule: 'mute.cursors.lost == 0', actual: /^[1-9]/ }],
  'deaf-after-100': [{ scenario: 'steady', rule: 'cursors.lost == 0', actual: '5,600' }],
  'wants-newest-pong': [{ scenario: 'late-pongs', rule: 'tardy.open == 50', actual: '0' }],
  'pings-first-only': [
    { scenario: 'late-pongs', rule: 'newcomers.heartbeat.neverPinged == 0', actual: '50' },
  ],
  'delivered-lies': [
    { scenario: 'many-namespaces', rule: 'emit.delivered == 6000', actual: '9,000' },
    { scenario: 'steady', rule: 'emit.delivered == 25600', actual: '26,880' },
  ],
  'connections-lie': [{ scenario: 'churn', rule: 'server.connections == 800', actual: /^[1-9],/ }],
  'deaf-at-times': [{ scenario: 'steady', rule: 'fanout.p95 < 120ms', actual: /^[1-9]\d\d ms|^\d+\.\d/ }],
  'prefix-match': [{ scenario: 'many-namespaces', rule: 'cursors.leaked == 0', actual: /^[1-9]/ }],
  'cursor-as-int32': [{ scenario: 'fanout', rule: 'cursors.foreign == 0', actual: /^[1-9]/ }],
  'keeps-last-of-batch': [{ scenario: 'fanout', rule: 'cursors.lost == 0', actual: /^[1-9]/ }],
  'leaks-slot-on-refusal': [{ scenario: 'limits', rule: 'crowd.accepted == 50', actual: '0' }],
  'frees-slot-twice': [
    { scenario: 'limits', rule: 'extra.closed[4503 "Connection limit reached"] == 10', actual: '0' },
  ],
  'closes-on-junk': [{ scenario: 'hostile', rule: 'harmless.open == 30', actual: '0' }],
  'pong-answers-for-all': [{ scenario: 'heartbeat', rule: 'heartbeat.undetected == 0', actual: '400' }],
  // No scenario asks for this: what every server owes is judged in each.
  'masks-a-frame': [{ scenario: 'fanout', rule: 'protocolErrors == 0', actual: '1' }],
  'waits-for-slow': [
    { scenario: 'slow-consumers', rule: 'healthy.fanout.p99 < 2s', actual: /^\d+(\.\d+)? s/ },
  ],
  'forgets-emptied': [{ scenario: 'churn', rule: 'cursors.lost == 0', actual: /^[1-9]/ }],
};

/** A rule that a server without fault breaks all the same, because it is not ours. */
export interface Exception extends Catch {
  readonly because: string;
}

/**
 * What the faulty server without a fault must come to: every rule of every shipped scenario holds but for these.
 * `soak` takes ten minutes, and `remote` is for servers by URL (test/realtime/remote.full.test.ts).
 */
export const EXCEPTIONS: readonly Exception[] = [
  {
    scenario: 'slow-consumers',
    rule: 'paused.cursors.conflated > 0',
    actual: '0',
    because:
      'it sends every cursor to everybody, however slow; leaving superseded ones out is an extra of ours',
  },
  {
    scenario: 'slow-consumers',
    rule: 'cursors.behind == 0',
    actual: '10',
    because:
      'at 200 KiB/s a reader would need 45 s for everything that was sent to it, and has 38: it is not at the newest in time',
  },
  {
    scenario: 'slow-consumers',
    rule: 'server.conflated > 0',
    actual: '0',
    because: 'the same, as the server counts it',
  },
];

/** Shipped scenarios that are not run. */
export const NOT_RUN: readonly string[] = ['soak', 'remote'];
