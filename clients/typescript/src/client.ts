import { milliseconds, steadyClock } from './bounds.js';
import { LatchkeyError, ProblemError, SignedOutError, type Problem, type StorageError } from './errors.js';
import type { Answer, Body, CallArguments, Method, Operation, PathsWith, SessionTokens, User } from './operations.js';
import { asSessionTokens, Session, type SignedOutReason } from './session.js';
import { MemoryStorage, type Storage } from './storage.js';
import { Transport } from './transport.js';

export interface ClientOptions {
  /** The URL of Latchkey, such as `https://auth.example.com`. */
  baseURL: string;
  /** Where the tokens are stored. The default is memory, which lasts until the app ends. */
  storage?: Storage;
  /** The prefix of the keys in the storage; `latchkey` by default. */
  storageKey?: string;
  /** The name of this app or device in the list of sessions. */
  clientName?: string;
  /** Called once when the user is no longer signed in. */
  onSignedOut?: (reason: SignedOutReason) => void;
  /**
   * Called whenever the storage failed: it threw, took too long, lost what was stored or returned something else. The client goes
   * on without it where it can.
   */
  onStorageError?: (error: StorageError) => void;
  /** Seconds until a call of the storage counts as failed; 5 by default. Allow more if it asks the user first. */
  storageTimeout?: number;
  /** Seconds until a request times out; 15 by default. */
  timeout?: number;
  /** The longest `Retry-After`, in seconds, that a call waits for before it is repeated; 10 by default. */
  maxWait?: number;
  fetch?: typeof fetch;
  /** A monotonic clock in milliseconds; `performance.now` by default. */
  now?: () => number;
}

/** The codes with which the server rejects an access token although the session may still be live. */
const refusals: ReadonlySet<string> =
  new Set(['token_expired', 'token_invalid', 'session_expired', 'session_revoked', 'account_inactive']);

/** Signs one user up, in and out, and makes calls with an access token, which it refreshes when necessary. */
export class Client {
  readonly #transport: Transport;
  readonly #session: Session;
  readonly #fetch: typeof fetch;
  readonly #now: () => number;
  readonly #clientName: string | undefined;

  constructor(options: ClientOptions) {
    const { baseURL, maxWait = 10, onStorageError } = options;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#now = steadyClock(options.now);
    this.#clientName = options.clientName;
    this.#transport = new Transport({ baseURL, fetch: this.#fetch, timeout: milliseconds(options.timeout, 15), maxWait });
    this.#session = new Session({
      transport: this.#transport,
      storage: options.storage ?? new MemoryStorage(),
      storageKey: options.storageKey ?? 'latchkey',
      now: this.#now,
      storageTimeout: milliseconds(options.storageTimeout, 5),
      onSignedOut: options.onSignedOut ?? (() => undefined),
      onStorageError: (error) => void Promise.resolve(error).then(onStorageError).catch(() => undefined),
    });
  }

  /** The user as of the last login or refresh; undefined if nobody is signed in, or before the first of these since the start. */
  get user(): User | undefined {
    return this.#session.user;
  }

  /** isSignedIn reports whether there is a session to continue. It does not ask the server. */
  isSignedIn(): Promise<boolean> {
    return this.#session.isSignedIn();
  }

  /**
   * signUp creates an account and logs in. It returns undefined, and nobody is signed in, if the server opens no session
   * because it hides whether the address already had an account, or because the address has to be confirmed first.
   */
  async signUp(account: Body<Operation<'post', '/api/v1/signup'>>): Promise<User | undefined> {
    const asked = this.#now();
    const answer = await this.#post('/api/v1/signup', account);
    return answer instanceof Object && 'detail' in answer ? undefined : this.#begin(asSessionTokens(answer), asked);
  }

  /**
   * logIn opens a session and returns its user. It sends the device token, if there is one. It does not end a session that
   * is already open: log out first.
   */
  async logIn(credentials: Body<Operation<'post', '/api/v1/login'>>): Promise<User> {
    const device_token = await this.#session.deviceToken();
    const asked = this.#now();
    const answer = await this.#post('/api/v1/login', { ...(device_token && { device_token }), ...credentials });
    return this.#begin(asSessionTokens(answer), asked);
  }

  /**
   * logOut ends this session (`local`), the user's other sessions (`others`) or all of them (`global`). Except for `others`,
   * the user is signed out here even if the request fails; the error then means that the server may not know about it. That the
   * storage fails is no error.
   */
  logOut(scope: 'local' | 'others' | 'global' = 'local'): Promise<void> {
    return this.#session.end(scope);
  }

  /**
   * call sends a request of the contract and returns the body of the response:
   * `call('patch', '/api/v1/profile', { body: { first_name: 'Anna' } })`.
   * @throws ProblemError, NetworkError, SignedOutError, StorageError
   */
  async call<M extends Method, P extends PathsWith<M>>(
    method: M, path: P, ...[options]: CallArguments<Operation<M, P>>
  ): Promise<Answer<Operation<M, P>>> {
    const { body, path: parts, query, signal } = (options ?? {}) as {
      body?: unknown; path?: Record<string, string>; query?: Record<string, string>; signal?: AbortSignal;
    };
    const request = { method: method.toUpperCase(), path: fill(path, parts, query), body, signal };
    const send = (token: string | undefined) => this.#transport.send({ ...request, token });
    const refusal = (error: unknown) => (error instanceof ProblemError && refusals.has(error.code) ? error.code : undefined);
    const answer = await this.#withToken(send, refusal).catch((error: unknown) => withoutToken(send, error));
    return answer as Answer<Operation<M, P>>;
  }

  /**
   * fetch is the platform's `fetch` with the access token, for services of yours that verify it. After a 401 it gets a new
   * token and repeats the request once. Use it only for services that you trust with the token.
   */
  async fetch(input: string | URL, init: RequestInit = {}): Promise<Response> {
    const send = async (token: string | undefined) => {
      const headers = new Headers(init.headers);
      if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
      const response = await this.#fetch(input, { ...init, headers });
      if (response.status === 401) throw new Refused(response);
      return response;
    };
    try {
      return await this.#withToken(send, (error) => (error instanceof Refused ? 'session_revoked' : undefined));
    } catch (error) {
      if (error instanceof Refused) return error.response;
      throw error;
    }
  }

  /**
   * withToken sends a request with the access token. If the token is rejected and the same user is still signed in, it
   * repeats the request once with a new token. refusal returns the code of an error that rejects the token.
   */
  async #withToken<T>(
    send: (token: string | undefined) => Promise<T>, refusal: (error: unknown) => Problem['code'] | undefined,
  ): Promise<T> {
    const token = await this.#session.accessToken();
    const { epoch } = this.#session;
    try {
      return await send(token);
    } catch (error) {
      const code = refusal(error);
      if (token === undefined || code === undefined) throw error;
      const next = epoch === this.#session.epoch ? await this.#session.accessToken(token) : undefined;
      if (next === undefined || epoch !== this.#session.epoch) throw new SignedOutError(code);
      return send(next);
    }
  }

  async #begin(tokens: SessionTokens, asked: number): Promise<User> {
    await this.#session.begin(tokens, asked);
    return tokens.user;
  }

  #post(path: string, body: object): Promise<unknown> {
    const named = this.#clientName === undefined ? body : { client_name: this.#clientName, ...body };
    return this.#transport.send({ method: 'POST', path, body: named });
  }
}

/** withoutToken repeats a call whose session turned out to have ended, because not every call needs a session. */
async function withoutToken(send: (token: undefined) => Promise<unknown>, error: unknown): Promise<unknown> {
  if (!(error instanceof SignedOutError)) throw error;
  return send(undefined).catch((again: unknown) => {
    throw again instanceof ProblemError && again.code === 'credentials_missing' ? error : again;
  });
}

/** A 401 on its way through withToken. */
class Refused extends LatchkeyError {
  constructor(readonly response: Response) {
    super('401');
  }
}

function fill(path: string, parts: Record<string, string> = {}, query: Record<string, string> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => segment(name, parts[name]));
  const asked = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return asked ? `${filled}?${asked}` : filled;
}

/** segment is one part of a path. An empty one, or one of dots, would make it another path. */
function segment(name: string, value = ''): string {
  if (/^\.{0,2}$/.test(value)) throw new TypeError(`${name} can't be "${value}" in a path`);
  return encodeURIComponent(value);
}
