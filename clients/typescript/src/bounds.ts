/** The longest time that timers can measure; with a longer one they fire at once. */
const longest = 2 ** 31 - 1;

/** milliseconds returns what a timer can measure of a number of seconds, or the default where it is no positive number. */
export function milliseconds(seconds: number | undefined, otherwise: number): number {
  return Math.min((seconds !== undefined && seconds > 0 ? seconds : otherwise) * 1000, longest);
}

/**
 * within settles as the work does, or rejects with the error of `late` after so many milliseconds. The work may throw at once,
 * return no promise, or never settle.
 */
export function within<T>(time: number, work: () => T | PromiseLike<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), time);
    new Promise<T>((settle) => settle(work())).then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** steadyClock returns a clock in milliseconds that never throws and always tells a number, whatever the platform's does. */
export function steadyClock(clock?: () => number): () => number {
  const clocks = [clock ?? (() => performance.now()), () => Date.now()];
  return () => {
    for (const now of clocks) {
      try {
        const time = now();
        if (Number.isFinite(time)) return time;
      } catch {
        // the next one may work
      }
    }
    return 0; // the server's token_expired tells the time
  };
}
