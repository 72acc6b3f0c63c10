import { NetworkError, ProblemError, SignedOutError, type Problem } from './errors.js';
import { newLock, type Lock } from './lock.js';
import type { SessionTokens, User } from './operations.js';
import { guarded, type Storage } from './storage.js';
import { pause, type Transport } from './transport.js';

/** Why the user is no longer signed in: they logged out here, or the `code` with which the session ended. */
export type SignedOutReason = 'logged_out' | Problem['code'];

export interface SessionOptions {
  transport: Transport;
  storage: Storage;
  /** The prefix of the keys in the storage. */
  storageKey: string;
  /** A monotonic clock in milliseconds. */
  now: () => number;
  onSignedOut: (reason: SignedOutReason) => void;
}

/** An access token counts as stale this many milliseconds before it expires, because the request itself takes time. */
const margin = 10_000;

/** The pauses, in milliseconds, before a refresh whose response was lost is sent again. */
const pauses = [250, 1000];

/**
 * Owns the tokens of one user on one device. The refresh token is in the storage, the access token only in memory.
 *
 * At most one refresh is under way, the successor of a refresh token is stored before it is used, and after a lost response
 * the same token is sent again. So the server never takes this client for two and ends the session.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #storage: Storage;
  readonly #lock: Lock;
  readonly #tokenKey: string;
  readonly #deviceKey: string;
  #access: { token: string; staleAt: number } | undefined;
  #refreshing: Promise<string | undefined> | undefined;
  /** A refresh token that could not be stored, and the one in the storage that it replaces. */
  #unsaved: { token: string; parent: string } | undefined;
  /** A refresh token whose session has ended, in case it could not be removed from the storage. */
  #over: string | undefined;
  #user: User | undefined;
  #epoch = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#storage = guarded(options.storage);
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
    const stored = await this.#storage.get(this.#tokenKey);
    return stored !== null && stored !== this.#over;
  }

  /** deviceToken returns the token that tells the next login that this device is known. It outlives the session. */
  async deviceToken(): Promise<string | undefined> {
    return (await this.#storage.get(this.#deviceKey)) ?? undefined;
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

  /** begin stores the tokens of a login or a sign-up. If that fails, it ends the session on the server and throws. */
  async begin(tokens: SessionTokens, asked: number): Promise<void> {
    await this.#lock(async () => {
      try {
        await this.#storage.set(this.#tokenKey, tokens.refresh_token);
      } catch (error) {
        await this.#logOut('local', tokens.refresh_token).catch(() => undefined);
        throw error;
      }
      this.#unsaved = undefined;
      this.#epoch++;
      this.#use(tokens, asked);
      if (tokens.device_token) await this.#storage.set(this.#deviceKey, tokens.device_token).catch(() => undefined);
    });
  }

  /**
   * end logs out on the server and, unless the scope is `others`, here. Logging out here succeeds even if the server can't
   * be reached; the NetworkError then means that the session may still be live there.
   */
  async end(scope: 'local' | 'others' | 'global'): Promise<void> {
    await this.#lock(async () => {
      const token = await this.#current();
      try {
        if (token) await this.#logOut(scope, token);
      } finally {
        if (scope !== 'others') await this.#forget(token, 'logged_out');
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

  async #refresh(): Promise<string | undefined> {
    const presented = await this.#current();
    if (presented === undefined) {
      if (this.#access) await this.#forget(undefined, 'session_revoked'); // another tab logged out
      return undefined;
    }
    const asked = this.#options.now();
    try {
      const tokens = await this.#exchange(presented);
      await this.#keep(tokens, presented);
      return this.#use(tokens, asked);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const stored = await this.#current();
      if (stored !== undefined && stored !== presented) return this.#refresh(); // another tab was faster
      await this.#forget(presented, error.code);
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
   * keep stores the successor of a refresh token. If that fails, the access token is still valid: the next refresh stores the
   * successor first, and after a restart the server accepts the stored token, because its successor was never used.
   */
  async #keep(tokens: SessionTokens, presented: string): Promise<void> {
    try {
      await this.#storage.set(this.#tokenKey, tokens.refresh_token);
    } catch {
      this.#unsaved = { token: tokens.refresh_token, parent: presented };
    }
  }

  /** current returns the refresh token to send. If an earlier one could not be stored, it is stored first. */
  async #current(): Promise<string | undefined> {
    const stored = (await this.#storage.get(this.#tokenKey)) ?? undefined;
    const unsaved = this.#unsaved;
    if (unsaved && stored === unsaved.parent) await this.#storage.set(this.#tokenKey, unsaved.token);
    this.#unsaved = undefined;
    const current = unsaved && stored === unsaved.parent ? unsaved.token : stored;
    return current === this.#over ? undefined : current;
  }

  #use(tokens: SessionTokens, asked: number): string {
    if (this.#user && this.#user.id !== tokens.user.id) this.#epoch++; // another tab logged in as somebody else
    const lifetime = tokens.expires_in * 1000;
    this.#user = tokens.user;
    this.#access = { token: tokens.access_token, staleAt: asked + Math.max(lifetime - margin, lifetime / 2) };
    return tokens.access_token;
  }

  async #forget(token: string | undefined, reason: SignedOutReason): Promise<void> {
    const wasSignedIn = token !== undefined || this.#access !== undefined;
    this.#access = this.#user = this.#unsaved = undefined;
    this.#over = token;
    this.#epoch++;
    await this.#storage.remove(this.#tokenKey).catch(() => undefined);
    if (wasSignedIn) this.#options.onSignedOut(reason);
  }
}

/** isRefusal reports whether the server rejects the refresh token for good. */
function isRefusal(error: unknown): error is ProblemError {
  return error instanceof ProblemError && (error.status === 400 || error.status === 401);
}

/** asSessionTokens checks that a response has a session's tokens and is not, for example, the login page of a hotel's network. */
export function asSessionTokens(answer: unknown): SessionTokens {
  if (typeof answer === 'object' && answer !== null && 'access_token' in answer && 'refresh_token' in answer) {
    return answer as SessionTokens;
  }
  throw new NetworkError('the response is not Latchkey\'s');
}
