// Loaded into a server that is attacked: tells its parent, when asked, what memory it holds that is still in use.
// Needs --expose-gc.
process.on('message', async (message) => {
  if (message !== 'memory') return;
  // Finalizers free what lies outside of the heap in later turns, so one collection is not all.
  for (let round = 0; round < 4; round++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, heapUsed, external });
});
