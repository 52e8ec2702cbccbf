/**
 * For `node --require`: makes the workers of `bench` spin, as if what they have to do were too much for one core.
 * Every other process is left alone. They begin when they are ready for calls and end after `SPIN_FOR_MS`; `SPIN_MS` is for
 * how long at a time, with a moment for the event loop in between.
 */
const isWorker = /[\\/]fleet[\\/]worker\.js$/.test(process.argv[1] ?? '');
const { SPIN_MS: spinMs, SPIN_FOR_MS: forMs } = process.env;

function spin(untilMs) {
  const endMs = performance.now() + Number(spinMs);
  while (performance.now() < endMs);
  if (endMs < untilMs) setTimeout(spin, 1, untilMs).unref();
}

if (isWorker) {
  // Not by listening for a call: one that is heard before the worker listens would be lost to it.
  process.on('newListener', (event) => {
    if (event === 'message') setTimeout(spin, 1, performance.now() + Number(forMs)).unref();
  });
}
