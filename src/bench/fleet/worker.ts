import { stackOf } from '../../protocol/errors.js';
import { monotonicMs } from '../measure/clock.js';
import type { GeneratorSample } from '../measure/saturation.js';
import { ClientFleet } from './client-fleet.js';
import { GeneratorHealth } from './generator-health.js';
import type { CallMessage, WorkerMessage } from './messages.js';

// The entry of a worker process: answers calls from its parent, and reports how it is doing.

/** From one status to the next, at least. */
const STATUS_MS = 190;

const health = new GeneratorHealth();
const fleet = new ClientFleet((atMs) => health.readLateMs(atMs));

function send(message: WorkerMessage): void {
  // The parent may be gone before its `disconnect` event arrives here.
  if (process.connected) process.send?.(message, (error: Error | null) => error === null || leave());
}

/** The parent is gone, and with it the reason to measure. */
function leave(): void {
  process.exit(0);
}

/** What was reported last, and when. */
let reported = '';
let reportedMs = Number.NEGATIVE_INFINITY;

function report(sample: GeneratorSample | undefined): void {
  const counts = fleet.status();
  const news = JSON.stringify(counts);
  reportedMs = monotonicMs();
  // A message that says nothing new wakes both processes for nothing.
  if (sample === undefined && news === reported) return;
  reported = news;
  const fanout = sample === undefined ? undefined : fleet.takeRecentFanout();
  send({ type: 'status', status: { ...counts, health: sample, fanout } });
}

function reportInTime(): void {
  if (monotonicMs() - reportedMs >= STATUS_MS) report(health.sample());
}

async function answer({ id, method, argument }: CallMessage): Promise<void> {
  try {
    // What becomes of a phase is judged when this answer is there.
    if (method === 'takeCounts') report(health.sample(true));
    const call = fleet[method] as (argument: unknown) => unknown;
    send({ type: 'answer', id, value: await call.call(fleet, argument) });
  } catch (error) {
    send({ type: 'failed', id, error: stackOf(error) });
  }
}

/** Reports a bug to the parent: a worker that only died would count as a problem of the machine. */
function crash(error: unknown): void {
  process.send?.({ type: 'crashed', error: stackOf(error) } satisfies WorkerMessage, () => process.exit(1));
}

process.on('uncaughtException', crash);
process.on('message', (message: CallMessage) => void answer(message));
process.on('disconnect', leave);
// It may have gone before this listener was added.
if (!process.connected) leave();
// A signal to the whole group of processes (Ctrl-C, a terminal that closes) is the parent's to act on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

health.start(reportInTime);
