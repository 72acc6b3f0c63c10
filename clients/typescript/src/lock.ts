import { within } from './bounds.js';

/** Runs one piece of work at a time, and returns its result. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/** How many milliseconds to wait for other tabs. Without the lock, the server still takes two tabs for one client. */
const patience = 10_000;

/**
 * newLock returns a lock that this client's calls share, and all tabs of an origin where the browser has Web Locks. A lock that
 * other tabs don't release, or take away, or that fails, delays the work but never prevents it.
 */
export function newLock(name: string, time = patience): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(() => amongTabs(name, time, work));
    last = result.catch(() => undefined);
    return result;
  };
}

async function amongTabs<T>(name: string, time: number, work: () => Promise<T>): Promise<T> {
  let result: Promise<T> | undefined;
  const once = () => (result ??= work());
  const abandoned = new AbortController();
  await within(time, () => new Promise<void>((resolve) => {
    const held = () => {
      resolve();
      return once();
    };
    const locks = globalThis.navigator?.locks;
    if (!locks) return resolve();
    locks.request(name, { signal: abandoned.signal }, held).then(() => resolve(), () => resolve());
  }), () => new Error('other tabs hold the lock')).catch(() => abandoned.abort());
  return once();
}
