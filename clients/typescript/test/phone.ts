// Phones with everything around them that a test may disturb, and the service that they use.

import { after, before } from 'node:test';
import { Client, MemoryStorage, type ClientOptions } from '../src/index.js';
import { Network } from './network.js';
import { Server } from './server.js';

export const password = 'plum tree by the gate';
export const refresh = 'POST /api/v1/token/refresh';
let server: Server;

before(async () => {
  server = await Server.start({ RATE_LIMIT_SIGNUP: '1000/1m', RATE_LIMIT_LOGIN: '1000/1m' });
});
after(() => server.stop());

/** serverURL returns the URL of the service. */
export const serverURL = () => server.baseURL;

/** Fails to write while `failing` is set. */
export class FlakyStorage extends MemoryStorage {
  failing = false;

  override async set(key: string, value: string): Promise<void> {
    if (this.failing) throw new Error('locked');
    await super.set(key, value);
  }
}

export interface Phone {
  client: Client;
  network: Network;
  storage: FlakyStorage;
  reasons: string[];
  email: string;
  clock: { now: number };
}

/** newPhone returns a client with everything around it that a test may disturb. */
export function newPhone(options: Partial<ClientOptions> = {}): Phone {
  const network = new Network();
  const storage = options.storage instanceof FlakyStorage ? options.storage : new FlakyStorage();
  const reasons: string[] = [];
  const clock = { now: 0 };
  const client = new Client({
    baseURL: server.baseURL, fetch: network.fetch, now: () => clock.now, onSignedOut: (reason) => reasons.push(reason),
    storage, ...options,
  });
  return { client, network, storage, reasons, clock, email: `ann-${crypto.randomUUID()}@example.com` };
}

/** signedIn returns a phone whose user has an account and a session, and has made a call. */
export async function signedIn(options: Partial<ClientOptions> = {}): Promise<Phone> {
  const phone = newPhone(options);
  await phone.client.signUp({ email: phone.email, password, first_name: 'Ann', last_name: 'Bee' });
  await phone.client.call('get', '/api/v1/profile');
  return phone;
}

/** restarted returns the same phone after a restart of the app. */
export function restarted(phone: Phone): Phone {
  return { ...newPhone({ storage: phone.storage }), email: phone.email };
}
