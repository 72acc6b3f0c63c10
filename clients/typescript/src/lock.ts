/** Lets one piece of work run at a time. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * newLock is one lock for all tabs of an origin where the browser has Web Locks, and otherwise one for this client.
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
