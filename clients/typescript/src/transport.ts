import { within } from './bounds.js';
import { NetworkError, ProblemError, type Problem } from './errors.js';

export interface TransportOptions {
  baseURL: string;
  fetch: typeof fetch;
  /** Milliseconds until a request times out. */
  timeout: number;
  /** The longest `Retry-After`, in seconds, that a call waits for before it is repeated. */
  maxWait: number;
}

export interface Request {
  method: string;
  path: string;
  body?: unknown;
  token?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** How often a call with `Retry-After` is repeated. */
const repeats = 2;

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Sends a request and reads the response. It knows nothing about sessions. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = { ...options, baseURL: options.baseURL.replace(/\/+$/, '') };
  }

  /**
   * send returns the body of a 2xx response. If the server sends `Retry-After`, it waits and repeats the request.
   * @throws ProblemError, NetworkError, or the signal's reason
   */
  async send(request: Request): Promise<unknown> {
    for (let repeat = 0; ; repeat++) {
      const { response, text } = await this.#once(request);
      const wait = retryAfter(response);
      if (wait === undefined || repeat >= repeats || wait > this.#options.maxWait) return read(request, response, text, wait);
      await pause(wait * 1000);
      throwIfAborted(request.signal);
    }
  }

  /** once sends the request and reads the response, in a bounded time even if `fetch` ignores that it is aborted. */
  async #once(request: Request): Promise<{ response: Response; text: string }> {
    const { signal } = request;
    throwIfAborted(signal);
    const controller = new AbortController();
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(new Error('the call was aborted'));
    });
    signal?.addEventListener('abort', abort);
    try {
      const sent = () => Promise.race([this.#exchange(request, controller.signal), aborted]);
      return await within(this.#options.timeout, sent, () => new Error('the request timed out'));
    } catch (cause) {
      controller.abort();
      throwIfAborted(signal);
      throw new NetworkError('Latchkey did not respond', { cause });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #exchange({ method, path, body, token }: Request, signal: AbortSignal): Promise<{ response: Response; text: string }> {
    const url = this.#options.baseURL + path;
    const response = await this.#options.fetch(url, {
      method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'error', // a refresh token goes nowhere else
      signal,
    });
    if (response.redirected || (response.url && origin(response.url) !== origin(url))) {
      throw new Error('the response came from another place'); // React Native follows redirects whatever it is told
    }
    return { response, text: await response.text() };
  }
}

/** origin returns the scheme and host of a URL. React Native's URL has no origin. */
function origin(url: string): string {
  const [, scheme = '', host = ''] = /^(https?):\/\/([^/?#]*)/i.exec(url) ?? [];
  return `${scheme}://${host.replace(/:(80|443)$/, '')}`.toLowerCase();
}

/** throwIfAborted does what the signal's own method does; in React Native, signals have neither that nor a reason. */
function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw signal.reason ?? Object.assign(new Error('the call was aborted'), { name: 'AbortError' });
}

/** retryAfter returns how many seconds a 429 or 503 asks to wait, if it does. */
function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('Retry-After');
  if (value === null || (response.status !== 429 && response.status !== 503)) return undefined;
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

/** Everything below it is JSON, or else nothing. */
const api = '/api/';

function read({ method, path }: Request, response: Response, text: string, wait: number | undefined): unknown {
  const mediaType = response.headers.get('Content-Type') ?? '';
  if (response.ok) {
    if (/^application\/json\b/.test(mediaType)) return parse(text, response.status);
    if (path.startsWith(api) && (text !== '' || method === 'GET')) throw notOurs(response);
    return text || undefined;
  }
  const problem = /^application\/problem\+json\b/.test(mediaType) ? parse(text, response.status) : undefined;
  if (!isProblem(problem)) throw notOurs(response);
  throw new ProblemError(problem, wait);
}

function notOurs({ status }: Response): NetworkError {
  return new NetworkError(`the response with status ${status} is not Latchkey's`);
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NetworkError(`the response with status ${status} is not JSON`, { cause });
  }
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'status' in value;
}
