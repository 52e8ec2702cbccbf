/** Timers that were set by code under src, and neither fired nor cleared. Other code of the process has timers, too. */
export function watchSourceTimers(): { pending: () => string[]; restore: () => void } {
  const pending = new Map<unknown, string>();
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const note = (timer: unknown) => {
    const [caller] = new Error().stack?.split('\n').slice(3) ?? [];
    if (caller?.includes('/src/')) pending.set(timer, caller.trim());
  };
  const watched = {
    setTimeout: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const timer = setTimeout(() => {
        pending.delete(timer);
        callback(...args);
      }, ms);
      note(timer);
      return timer;
    },
    clearTimeout: (timer: NodeJS.Timeout | undefined) => {
      pending.delete(timer);
      clearTimeout(timer);
    },
    setInterval: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const timer = setInterval(callback, ms, ...args);
      note(timer);
      return timer;
    },
    clearInterval: (timer: NodeJS.Timeout | undefined) => {
      pending.delete(timer);
      clearInterval(timer);
    },
  };
  Object.assign(globalThis, watched);
  return {
    pending: () => [...pending.values()],
    restore: () => Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval }),
  };
}
