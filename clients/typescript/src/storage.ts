import { StorageError } from './errors.js';

/** Stores a few short strings. On a phone it has to be a secure store, such as the keychain. */
export interface Storage {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Forgets everything when the app ends. */
export class MemoryStorage implements Storage {
  readonly #values = new Map<string, string>();

  async get(key: string): Promise<string | null> {
    return this.#values.get(key) ?? null;
  }

  async set(key: string, value: string): Promise<void> {
    this.#values.set(key, value);
  }

  async remove(key: string): Promise<void> {
    this.#values.delete(key);
  }
}

/** webStorage returns a Storage in a browser's localStorage or sessionStorage, which every script of the page can read. */
export function webStorage(area: Pick<globalThis.Storage, 'getItem' | 'setItem' | 'removeItem'>): Storage {
  return {
    get: async (key) => area.getItem(key),
    set: async (key, value) => area.setItem(key, value),
    remove: async (key) => area.removeItem(key),
  };
}

/** guarded returns the same storage, whose errors are StorageErrors. */
export function guarded(storage: Storage): Storage {
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw new StorageError('the storage of the session failed', { cause });
    }
  };
  return {
    get: (key) => guard(() => storage.get(key)),
    set: (key, value) => guard(() => storage.set(key, value)),
    remove: (key) => guard(() => storage.remove(key)),
  };
}
