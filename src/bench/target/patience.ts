/** However long this process is stopped, it loses one step of what somebody has to answer in. */
const STEP_MS = 250;

/**
 * Calls back when an answer has been waited for long enough: `waitMs` in which this process ran, and what had come by
 * then has been read.
 *
 * @returns cancels it.
 */
export function afterPatience(waitMs: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  const step = (leftMs: number) => {
    timer = setTimeout(
      () => {
        if (leftMs > STEP_MS) step(leftMs - STEP_MS);
        else immediate = setImmediate(callback);
      },
      Math.min(leftMs, STEP_MS),
    );
  };
  step(waitMs);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
