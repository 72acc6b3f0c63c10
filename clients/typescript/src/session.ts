import { NetworkError, ProblemError, SignedOutError, type Problem, type StorageError } from './errors.js';
import { newLock, type Lock } from './lock.js';
import type { SessionTokens, User } from './operations.js';
import { GuardedStorage, type Entry, type Storage } from './storage.js';
import { pause, type Transport } from './transport.js';

/** Why the user is no longer signed in: they logged out here, or the `code` with which the session ended. */
export type SignedOutReason = 'logged_out' | Problem['code'];

export interface SessionOptions {
  transport: Transport;
  storage: Storage;
  /** The prefix of the keys in the storage. */
  storageKey: string;
  /** How many milliseconds a call of the storage may take. */
  storageTimeout: number;
  /** A monotonic clock in milliseconds. */
  now: () => number;
  onSignedOut: (reason: SignedOutReason) => void;
  onStorageError: (error: StorageError) => void;
}

/** An access token counts as stale this many milliseconds before it expires, because the request itself takes time. */
const margin = 10_000;

/** The pauses, in milliseconds, before a refresh whose response was lost is sent again. */
const pauses = [250, 1000];

/** How often a refresh that was refused is tried again because another tab seems to have been faster. */
const races = 3;

/** How many of a session's earlier refresh tokens are remembered. */
const remembered = 16;

/** What is stored in place of a refresh token after a logout. An empty entry would not tell a logout from a loss. */
const loggedOut = 'logged_out';

/** The codes with which the server rejects a refresh token for good. */
const endings: ReadonlySet<string> = new Set([
  'refresh_token_invalid', 'refresh_token_reused', 'session_expired', 'session_revoked', 'account_inactive',
]);

/** The session as it is in memory. */
interface Held {
  /** The latest refresh token. */
  readonly token: string;
  /** The ones that it replaced. */
  readonly earlier: ReadonlySet<string>;
  /** What the storage holds: this token, an earlier one of this session, or nothing of this session. */
  readonly stored: 'this' | 'earlier' | 'nothing';
}

/**
 * Owns the tokens of one user on one device. The refresh token is in the storage and, while the app runs, in memory; the access
 * token is only in memory.
 *
 * At most one refresh is under way, the successor of a refresh token is stored before it is used, and after a lost response
 * the same token is sent again. So the server never takes this client for two and ends the session.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #storage: GuardedStorage;
  readonly #lock: Lock;
  readonly #tokenKey: string;
  readonly #deviceKey: string;
  #access: { token: string; staleAt: number } | undefined;
  #refreshing: Promise<string | undefined> | undefined;
  #held: Held | undefined;
  #device: string | undefined;
  /** Refresh tokens of sessions that are over here, in case the storage still holds one. */
  readonly #over = new Set<string>();
  #user: User | undefined;
  #epoch = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#storage = new GuardedStorage(options.storage, options.storageTimeout, options.onStorageError);
    this.#lock = newLock(options.storageKey);
    this.#tokenKey = `${options.storageKey}.refresh_token`;
    this.#deviceKey = `${options.storageKey}.device_token`;
  }

  /** The user as of the last login or refresh. */
  get user(): User | undefined {
    return this.#user;
  }

  /** Changes whenever the signed-in user may have changed. */
  get epoch(): number {
    return this.#epoch;
  }

  async isSignedIn(): Promise<boolean> {
    return this.#reconciled(await this.#storage.read(this.#tokenKey)) !== undefined;
  }

  /** deviceToken returns the token that tells the next login that this device is known. It outlives the session. */
  async deviceToken(): Promise<string | undefined> {
    const entry = await this.#storage.read(this.#deviceKey);
    return entry.state === 'text' ? entry.text : this.#device;
  }

  /**
   * accessToken returns an access token that is not stale, or undefined if nobody is signed in. A token that the server
   * rejected is replaced, however fresh it looks.
   * @throws SignedOutError, NetworkError, StorageError, ProblemError
   */
  async accessToken(rejected?: string): Promise<string | undefined> {
    const access = this.#access;
    if (access && access.token !== rejected && this.#options.now() < access.staleAt) return access.token;
    this.#refreshing ??= this.#lock(() => this.#refresh()).finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** begin keeps the tokens of a login or a sign-up, in memory alone if they can't be stored. */
  async begin(tokens: SessionTokens, asked: number): Promise<void> {
    await this.#lock(async () => {
      this.#release();
      this.#held = { token: tokens.refresh_token, earlier: new Set(), stored: 'nothing' };
      await this.#store();
      if (this.#held.stored === 'nothing') await this.#storage.remove(this.#tokenKey); // whose session it ever was
      this.#epoch++;
      this.#use(tokens, asked);
      if (tokens.device_token) await this.#keepDevice(tokens.device_token);
    });
  }

  /**
   * end logs out on the server and, unless the scope is `others`, here. Logging out here succeeds even if the server can't
   * be reached; the NetworkError then means that the session may still be live there.
   */
  async end(scope: 'local' | 'others' | 'global'): Promise<void> {
    await this.#lock(async () => {
      const held = this.#reconciled(await this.#storage.read(this.#tokenKey));
      try {
        if (held) await this.#logOut(scope, held.token);
      } finally {
        if (scope !== 'others') {
          this.#held = held;
          await this.#forget('logged_out');
        }
      }
    });
  }

  async #logOut(scope: string, token: string): Promise<void> {
    const body = { scope, refresh_token: token };
    try {
      await this.#options.transport.send({ method: 'POST', path: '/api/v1/logout', body });
    } catch (error) {
      if (scope !== 'local' || !isRefusal(error)) throw error; // refused: it had ended already
    }
  }

  async #refresh(attempts = races): Promise<string | undefined> {
    const presented = await this.#current();
    if (presented === undefined) {
      if (this.#access) this.#leave('session_revoked'); // another tab logged out
      return undefined;
    }
    const asked = this.#options.now();
    try {
      const tokens = await this.#exchange(presented);
      await this.#replace(presented, tokens.refresh_token);
      return this.#use(tokens, asked);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#held = this.#reconciled(await this.#storage.read(this.#tokenKey));
      if (attempts > 1 && this.#held && this.#held.token !== presented) return this.#refresh(attempts - 1);
      await this.#forget(error.code);
      throw new SignedOutError(error.code);
    }
  }

  /** exchange redeems a refresh token, and sends the same one again if the response is lost. */
  async #exchange(token: string): Promise<SessionTokens> {
    const request = { method: 'POST', path: '/api/v1/token/refresh', body: { refresh_token: token } };
    for (const wait of pauses) {
      try {
        return asSessionTokens(await this.#options.transport.send(request));
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        await pause(wait);
      }
    }
    return asSessionTokens(await this.#options.transport.send(request));
  }

  /**
   * replace stores the successor of a refresh token. If that fails, the access token is still valid: the next refresh stores the
   * successor first, and after a restart the server accepts the stored token, because its successor was never used.
   */
  async #replace(presented: string, token: string): Promise<void> {
    const { earlier, stored } = this.#held!;
    const replaced = new Set([...earlier, presented].slice(-remembered));
    this.#held = { token, earlier: replaced, stored: stored === 'this' ? 'earlier' : stored };
    await this.#store().catch(() => undefined);
  }

  /**
   * current returns the refresh token to send. If the storage holds something else, it is stored first.
   * @throws StorageError if the storage holds an earlier token, which would be taken for a thief's after a restart
   */
  async #current(): Promise<string | undefined> {
    this.#held = this.#reconciled(await this.#storage.read(this.#tokenKey));
    if (this.#held && this.#held.stored !== 'this') await this.#store();
    return this.#held?.token;
  }

  /** store writes the token that is held. It fails only if the storage may still hold an earlier one. */
  async #store(): Promise<void> {
    const held = this.#held!;
    try {
      await this.#storage.write(this.#tokenKey, held.token);
      this.#held = { ...held, stored: 'this' };
    } catch (error) {
      if (held.stored === 'earlier') throw error;
    }
  }

  /**
   * reconciled returns the session to continue, given what the storage says. Other tabs speak through it, so a token that is new
   * here counts; what it has lost, can't read or brings back does not.
   */
  #reconciled(entry: Entry): Held | undefined {
    const held = this.#held;
    if (entry.state === 'unreadable') return held;
    if (entry.state === 'empty') return held && { ...held, stored: 'nothing' };
    const { text } = entry;
    if (held && held.token === text) return { ...held, stored: 'this' };
    if (held?.earlier.has(text)) return { ...held, stored: 'earlier' };
    if (held?.stored === 'nothing') return held;
    if (text === loggedOut) return undefined;
    if (this.#over.has(text)) return held && { ...held, stored: 'nothing' };
    return { token: text, earlier: new Set(held && [...held.earlier, held.token]), stored: 'this' };
  }

  async #keepDevice(token: string): Promise<void> {
    this.#device = token;
    await this.#storage.write(this.#deviceKey, token).catch(() => undefined);
  }

  #use(tokens: SessionTokens, asked: number): string {
    if (this.#user && this.#user.id !== tokens.user.id) this.#epoch++; // another tab logged in as somebody else
    const lifetime = tokens.expires_in * 1000;
    this.#user = tokens.user;
    this.#access = { token: tokens.access_token, staleAt: asked + Math.max(lifetime - margin, lifetime / 2) };
    return tokens.access_token;
  }

  /** forget ends the session here: in the storage as far as it can, and then in memory. */
  async #forget(reason: SignedOutReason): Promise<void> {
    const wasSignedIn = this.#held !== undefined || this.#access !== undefined;
    this.#release();
    await this.#storage.overwrite(this.#tokenKey, loggedOut);
    if (wasSignedIn) this.#options.onSignedOut(reason);
  }

  /** leave ends the session here that another tab has ended in the storage. */
  #leave(reason: SignedOutReason): void {
    this.#release();
    this.#options.onSignedOut(reason);
  }

  /** release drops the session from memory, and remembers not to continue it. */
  #release(): void {
    if (this.#held) for (const token of [...this.#held.earlier, this.#held.token]) this.#over.add(token);
    this.#access = this.#user = this.#held = undefined;
    this.#epoch++;
  }
}

/** isRefusal reports whether the server rejects the refresh token for good. */
function isRefusal(error: unknown): error is ProblemError {
  return error instanceof ProblemError && error.status === 401 && endings.has(error.code);
}

/** asSessionTokens checks that a response has a session's tokens and is not, for example, the login page of a hotel's network. */
export function asSessionTokens(answer: unknown): SessionTokens {
  const { access_token, refresh_token, expires_in, user } = (answer ?? {}) as Partial<Record<string, unknown>>;
  const complete = isText(access_token) && isText(refresh_token) && Number.isFinite(expires_in) && user instanceof Object;
  if (!complete) throw new NetworkError('the response is not Latchkey\'s');
  return answer as SessionTokens;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
