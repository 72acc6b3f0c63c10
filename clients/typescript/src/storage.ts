import { within } from './bounds.js';
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

/** What an entry holds: a text, nothing, or something that can't be read now, perhaps never again. */
export type Entry = { state: 'text'; text: string } | { state: 'empty' } | { state: 'unreadable' };

/** Every token is one: printable ASCII without spaces. */
const readable = /^[\x21-\x7e]{1,4096}$/;

/**
 * A storage that may throw, never answer, answer with anything, or lose what it was given. Each call takes a bounded time; after
 * one that ran out of it, the next ones get a tenth, until one is in time.
 */
export class GuardedStorage {
  readonly #storage: Storage;
  readonly #time: number;
  readonly #onError: (error: StorageError) => void;
  #hangs = false;

  constructor(storage: Storage, time: number, onError: (error: StorageError) => void) {
    this.#storage = storage;
    this.#time = time;
    this.#onError = onError;
  }

  /** read returns what the entry holds. It never throws. */
  async read(key: string): Promise<Entry> {
    try {
      const value: unknown = await this.#guard(() => this.#storage.get(key));
      if (value === null || value === undefined || value === '') return { state: 'empty' };
      if (typeof value === 'string' && readable.test(value)) return { state: 'text', text: value };
      throw new StorageError('the storage returned something else than was stored');
    } catch (error) {
      this.#report(error);
      return { state: 'unreadable' };
    }
  }

  /**
   * write stores the text and looks whether it is there.
   * @throws StorageError
   */
  async write(key: string, text: string): Promise<void> {
    try {
      await this.#guard(() => this.#storage.set(key, text));
      const entry = await this.read(key);
      if (entry.state === 'unreadable' || (entry.state === 'text' && entry.text === text)) return;
      throw new StorageError('the storage lost what was stored');
    } catch (error) {
      this.#report(error);
      throw error;
    }
  }

  /** overwrite stores the text in place of whatever the entry holds, or else removes the entry. It never throws. */
  async overwrite(key: string, text: string): Promise<void> {
    await this.write(key, text).catch(() => this.remove(key));
  }

  /** remove removes the entry if the storage can. It never throws. */
  async remove(key: string): Promise<void> {
    await this.#guard(() => this.#storage.remove(key)).catch((error: unknown) => this.#report(error));
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    const time = this.#hangs ? this.#time / 10 : this.#time;
    const late = () => {
      this.#hangs = true;
      return new Error(`the storage did not answer within ${time} ms`);
    };
    try {
      const result = await within(time, work, late);
      this.#hangs = false;
      return result;
    } catch (cause) {
      throw new StorageError('the storage of the session failed', { cause });
    }
  }

  #report(error: unknown): void {
    if (error instanceof StorageError) this.#onError(error);
  }
}
