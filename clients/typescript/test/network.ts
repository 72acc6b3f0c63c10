// A network between a client and the service, which tests can disturb.

import { expired } from './server.js';

export class Network {
  /** Every request that the client sent, as `POST /api/v1/login`, with its body. */
  readonly requests: { call: string; body: string; token: string | null }[] = [];
  offline = false;
  /** How many of the next responses to a refresh are lost after the service sent them. */
  lost = 0;
  /** Responses to return instead of sending the request to the service, by call. */
  readonly instead = new Map<string, () => Response>();
  readonly #expired = new Set<string>();

  readonly fetch: typeof fetch = async (input, init) => {
    const { pathname } = new URL(String(input));
    const call = `${init?.method ?? 'GET'} ${pathname}`;
    const headers = new Headers(init?.headers);
    const token = headers.get('Authorization')?.replace('Bearer ', '') ?? null;
    this.requests.push({ call, body: String(init?.body), token });
    if (this.offline) throw new TypeError('offline');
    const answer = this.instead.get(call);
    if (answer) return answer();
    if (token !== null && this.#expired.has(token)) headers.set('Authorization', `Bearer ${expired(token)}`);
    const response = await fetch(input, { ...init, headers });
    if (pathname === '/api/v1/token/refresh' && this.lost > 0) {
      this.lost--;
      await response.text();
      throw new TypeError('the response was lost');
    }
    return response;
  };

  /** expireLastToken replaces the token that the client sent last by an expired one in all later requests. */
  expireLastToken(): void {
    this.#expired.add(this.requests.findLast(({ token }) => token !== null)!.token!);
  }

  count(call: string): number {
    return this.requests.filter((request) => request.call === call).length;
  }
}
