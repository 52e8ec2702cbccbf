/** Makes a process run a module before anything else. */
export const preloaded = (module: string) => ({
  env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` },
});

/** Makes a process do something of its own on SIGUSR2. */
export const onSignal = (statement: string) => preloaded(`process.on('SIGUSR2', () => { ${statement} })`);
