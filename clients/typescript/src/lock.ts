/** Runs one piece of work at a time, and returns its result. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * newLock returns a lock that all tabs of an origin share where the browser has Web Locks, or else one for this client alone.
 */
export function newLock(name: string): Lock {
  const locks = globalThis.navigator?.locks;
  if (locks) return (work) => locks.request(name, work) as ReturnType<typeof work>;
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
