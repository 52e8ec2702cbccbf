/**
 * For `node --require`: makes the workers of `bench` spin, as if what they have to do were too much for one core.
 * Every other process is left alone. They begin when they are first called to `SPIN_AT` (a method of the fleet) and end
 * after `SPIN_FOR_MS`; `SPIN_MS` is for how long at a time, with a moment for the event loop in between.
 */
const isWorker = /[\\/]fleet[\\/]worker\.js$/.test(process.argv[1] ?? '');
const { SPIN_AT: method, SPIN_MS: spinMs, SPIN_FOR_MS: forMs } = process.env;

function spin(untilMs) {
  const endMs = performance.now() + Number(spinMs);
  while (performance.now() < endMs);
  if (endMs < untilMs) setTimeout(spin, 1, untilMs).unref();
}

function onMessage(call) {
  if (call.method !== method) return;
  process.off('message', onMessage);
  setTimeout(spin, 1, performance.now() + Number(forMs)).unref();
}

if (isWorker) {
  // Only when the worker listens: a call that is heard before would be lost to it.
  process.once('newListener', function beside(event) {
    if (event === 'message') process.on('message', onMessage);
    else process.once('newListener', beside);
  });
}
