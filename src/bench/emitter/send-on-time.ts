import { dueMs, type EmissionPlan } from '../measure/emission-plan.js';

/** Waits until a time; returns early only when the signal aborts. */
type WaitUntil = (atMs: number, signal: AbortSignal) => Promise<void>;

/**
 * Sends each request of a plan when it is due, or at once when that has passed.
 *
 * @returns how many were sent: all, unless the signal aborts.
 */
export async function sendOnTime(
  plan: EmissionPlan,
  waitUntil: WaitUntil,
  signal: AbortSignal,
  send: (request: number) => void,
): Promise<number> {
  const requests = plan.count / plan.batch;
  for (let request = 0; request < requests; request++) {
    if (!signal.aborted) await waitUntil(dueMs(plan, request * plan.batch), signal);
    if (signal.aborted) return request;
    send(request);
  }
  return requests;
}
