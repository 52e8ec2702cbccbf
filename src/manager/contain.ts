function ignore(): void {}

/**
 * Calls a function of a user's and keeps what goes wrong in it from everybody else: what it throws, and what the
 * promise is rejected with that it may return.
 *
 * @param failed called with it. Must not throw.
 */
export function contain(call: () => unknown, failed: (error: unknown) => void = ignore): void {
  try {
    const returned = call() as PromiseLike<unknown> | null | undefined;
    if (typeof returned?.then === 'function') returned.then(ignore, failed);
  } catch (error) {
    failed(error);
  }
}
