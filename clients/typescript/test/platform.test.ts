// What the platform gives a client may fail in every way: its storage, locks, clocks and network.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from '../src/bounds.js';
import { MemoryStorage, NetworkError, StorageError, type Storage } from '../src/index.js';
import { newLock } from '../src/lock.js';
import { newPhone, password, refresh, restarted, signedIn, type Phone } from './phone.js';

const tokenKey = 'latchkey.refresh_token';
const hang = () => new Promise<never>(() => undefined);
const fail = () => Promise.reject(new Error('can not decrypt'));

/** A storage each of whose calls a test may replace. */
class BrokenStorage implements Storage {
  readonly sound = new MemoryStorage();
  broken: { get?: (key: string) => unknown; set?: (key: string, value: string) => unknown; remove?: () => unknown } = {};

  get = (key: string) => (this.broken.get ?? ((name) => this.sound.get(name)))(key) as Promise<string | null>;
  set = (key: string, value: string) =>
    (this.broken.set ?? ((name, text) => this.sound.set(name, text)))(key, value) as Promise<void>;
  remove = (key: string) => (this.broken.remove ?? (() => this.sound.remove(key)))() as Promise<void>;
}

/** onBroken returns a phone, signed in before it restarted, whose storage is to be broken. */
async function onBroken(): Promise<Phone & { keychain: BrokenStorage; failures: StorageError[] }> {
  const keychain = new BrokenStorage();
  const { email } = await signedIn({ storage: keychain });
  return { ...onKeychain(keychain), email };
}

function onKeychain(keychain: BrokenStorage): Phone & { keychain: BrokenStorage; failures: StorageError[] } {
  const failures: StorageError[] = [];
  const onStorageError = (error: StorageError) => failures.push(error);
  return { ...newPhone({ storage: keychain, storageTimeout: 0.05, onStorageError }), keychain, failures };
}

const unreadable: Record<string, (key: string) => unknown> = {
  'throws later': fail,
  'throws at once': () => { throw new Error('SecurityError'); },
  'never answers': hang,
  'returns an object': async () => ({ value: 'x' }),
  'returns a number': () => 7,
  'returns a text with a NUL': async () => 'lkr_\0',
  'returns a megabyte': async () => 'x'.repeat(1 << 20),
};

for (const [what, get] of Object.entries(unreadable)) {
  test(`a storage whose get ${what}: nobody is signed in, and logging in and out work`, async () => {
    const { client, keychain, network, email, failures } = await onBroken();
    keychain.broken = { get };
    assert.equal(await client.isSignedIn(), false);
    await assert.rejects(client.call('get', '/api/v1/profile'), { code: 'credentials_missing' });
    await client.logOut();
    assert.ok(failures.length > 0);
    await client.logIn({ email, password });
    assert.equal(await client.isSignedIn(), true);
    await client.call('get', '/api/v1/profile');
    network.expireLastToken();
    assert.equal((await client.call('get', '/api/v1/profile')).email, email);
    await client.logOut();
    assert.equal(await client.isSignedIn(), false);
  });
}

test('a storage that could not be read for a while has the session again after that', async () => {
  const { client, keychain, reasons, email } = await onBroken();
  keychain.broken = { get: fail };
  assert.equal(await client.isSignedIn(), false);
  await assert.rejects(client.call('get', '/api/v1/profile'), { code: 'credentials_missing' });
  keychain.broken = {};
  assert.equal((await client.call('get', '/api/v1/profile')).email, email);
  assert.deepEqual(reasons, []);
});

test('entries that can\'t be decrypted any more are overwritten by the next login', async () => {
  const { keychain, email } = await onBroken();
  const lost = new Set([tokenKey, 'latchkey.device_token']);
  keychain.broken = {
    get: (key) => (lost.has(key) ? fail() : keychain.sound.get(key)),
    set: (key, value) => {
      lost.delete(key);
      return keychain.sound.set(key, value);
    },
  };
  const { client } = onKeychain(keychain);
  await client.logIn({ email, password });
  assert.equal((await onKeychain(keychain).client.call('get', '/api/v1/profile')).email, email);
});

for (const [what, get] of Object.entries({ ...unreadable, 'returns null': async () => null })) {
  test(`a storage whose get ${what} while the app runs does not log it out`, async () => {
    const { client, keychain, network, reasons, email } = await onBroken();
    await client.call('get', '/api/v1/profile');
    keychain.broken = { get };
    for (let round = 0; round < 2; round++) {
      network.expireLastToken();
      assert.equal((await client.call('get', '/api/v1/profile')).email, email);
      assert.equal(await client.isSignedIn(), true);
    }
    assert.deepEqual(reasons, []);
    keychain.broken = {};
    assert.equal((await onKeychain(keychain).client.call('get', '/api/v1/profile')).email, email);
  });
}

const unwritable: Record<string, (key: string, value: string) => unknown> = {
  'throws later': fail,
  'throws at once': () => { throw new Error('QuotaExceededError'); },
  'never answers': hang,
  'loses what it is given': async () => undefined,
};

for (const [what, set] of Object.entries(unwritable)) {
  test(`a storage whose set ${what}: a login lasts until the app ends`, async () => {
    const { keychain, email } = await onBroken();
    const { email: other } = await signedIn();
    keychain.broken = { set };
    const { client, network, failures, reasons } = onKeychain(keychain);
    await client.logIn({ email: other, password });
    await client.call('get', '/api/v1/profile');
    for (let round = 0; round < 2; round++) {
      network.expireLastToken();
      assert.equal((await client.call('get', '/api/v1/profile')).email, other, `not ${email}, whose session was stored`);
    }
    assert.ok(failures.length > 0);
    assert.deepEqual(reasons, []);
    assert.equal(await onKeychain(keychain).client.isSignedIn(), false, 'nor is that session continued after a restart');
  });
}

test('a session that could not be stored is stored as soon as that is possible', async () => {
  const { keychain, email } = await onBroken();
  keychain.broken = { set: fail };
  const { client, network } = onKeychain(keychain);
  await client.logIn({ email, password });
  keychain.broken = {};
  await client.call('get', '/api/v1/profile');
  network.expireLastToken();
  await client.call('get', '/api/v1/profile');
  assert.equal((await onKeychain(keychain).client.call('get', '/api/v1/profile')).email, email);
});

test('a storage that comes back with an earlier token does not end the session', async () => {
  const { client, keychain, network, reasons, email } = await onBroken();
  const earlier = await keychain.sound.get(tokenKey);
  for (let round = 0; round < 3; round++) {
    await client.call('get', '/api/v1/profile');
    network.expireLastToken();
    await client.call('get', '/api/v1/profile');
    await keychain.sound.set(tokenKey, earlier!);
  }
  assert.equal((await client.call('get', '/api/v1/profile')).email, email);
  assert.deepEqual(reasons, []);
});

test('a write that lands after a later one does not end the session', async () => {
  const { client, keychain, network, reasons, email } = await onBroken();
  await client.call('get', '/api/v1/profile');
  const late: (() => Promise<void>)[] = [];
  keychain.broken = {
    set: (key, value) => {
      late.push(() => keychain.sound.set(key, value));
      return hang();
    },
  };
  network.expireLastToken();
  await client.call('get', '/api/v1/profile');
  keychain.broken = {};
  for (let round = 0; round < 3; round++) {
    network.expireLastToken();
    await client.call('get', '/api/v1/profile');
    await late[0]!();
  }
  assert.equal((await client.call('get', '/api/v1/profile')).email, email);
  assert.deepEqual(reasons, []);
});

test('a logout whose entry can be neither overwritten nor removed is a logout all the same', async () => {
  const { client, keychain, network, email } = await onBroken();
  await client.call('get', '/api/v1/profile');
  keychain.broken = { set: fail, remove: hang };
  await client.logOut();
  assert.equal(await client.isSignedIn(), false);
  assert.equal(client.user, undefined);
  await assert.rejects(client.call('get', '/api/v1/profile'), { code: 'credentials_missing' });
  keychain.broken = {};
  assert.equal(network.count('POST /api/v1/logout'), 1);
  await assert.rejects(onKeychain(keychain).client.call('get', '/api/v1/profile'), { name: 'SignedOutError' });
  await client.logIn({ email, password });
});

test('a storage that returns another text each time ends in an answer', async () => {
  const { keychain } = await onBroken();
  let count = 0;
  keychain.broken = { get: async () => `lkr_${count++}` };
  await assert.rejects(onKeychain(keychain).client.call('get', '/api/v1/profile'), { code: 'refresh_token_invalid' });
});

test('an error in onStorageError does not keep anybody from logging out', async () => {
  const { keychain } = await onBroken();
  keychain.broken = { set: fail, remove: fail };
  const onStorageError = () => { throw new Error('of the app'); };
  const { client } = newPhone({ storage: keychain, onStorageError });
  await client.logOut();
  assert.equal(await client.isSignedIn(), false);
});

/** withNavigator runs work with another navigator. */
async function withNavigator(navigator: unknown, work: () => Promise<void>): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  try {
    await work();
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before);
    else Reflect.deleteProperty(globalThis, 'navigator');
  }
}

type Held = () => Promise<unknown>;
const locks: Record<string, unknown> = {
  'are missing': undefined,
  'throw': { request: () => { throw new Error('SecurityError'); } },
  'refuse': { request: fail },
  'are never granted': { request: hang },
  'return nothing': { request: () => undefined },
  'are granted twice': { request: (_: string, __: unknown, held: Held) => Promise.all([held(), held()]) },
  'are stolen': {
    request: (_: string, __: unknown, held: Held) => {
      void held();
      return Promise.reject(new Error('AbortError'));
    },
  },
};

for (const [what, manager] of Object.entries(locks)) {
  test(`work is done once, and one after the other, when locks ${what}`, async () => {
    await withNavigator({ locks: manager }, async () => {
      const lock = newLock('latchkey', 20);
      const steps: string[] = [];
      const work = (name: string) => lock(async () => {
        steps.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        steps.push(`${name} ends`);
        return name;
      });
      assert.deepEqual(await Promise.all([work('a'), work('b')]), ['a', 'b']);
      assert.deepEqual(steps, ['a begins', 'a ends', 'b begins', 'b ends']);
      await assert.rejects(lock(fail), /decrypt/);
      assert.equal(await work('c'), 'c');
    });
  });
}

test('a navigator that says offline is not believed', async () => {
  await withNavigator({ onLine: false }, async () => {
    const { client, network, email } = await signedIn();
    network.expireLastToken();
    assert.equal((await client.call('get', '/api/v1/profile')).email, email);
  });
});

test('a platform with nothing but fetch and timers is enough', async () => {
  const names = ['navigator', 'performance', 'document', 'BroadcastChannel', 'localStorage'] as const;
  const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  const phone = newPhone();
  for (const name of names) Reflect.deleteProperty(globalThis, name);
  try {
    const { client } = newPhone();
    await client.signUp({ email: phone.email, password });
    assert.equal((await client.call('get', '/api/v1/profile')).email, phone.email);
    await client.logOut();
  } finally {
    for (const [name, descriptor] of before) if (descriptor) Object.defineProperty(globalThis, name, descriptor);
  }
});

const clocks: Record<string, () => number> = {
  'is years ahead': () => 1e12,
  'is years behind': () => -1e12,
  'stands still': () => 0,
  'says NaN': () => NaN,
  'throws': () => { throw new Error('no clock'); },
};

for (const [what, now] of Object.entries(clocks)) {
  test(`a clock that ${what} logs nobody out, and does not cause a refresh each time`, async () => {
    const { client, network, reasons, email } = await signedIn({ now });
    for (let round = 0; round < 5; round++) await client.call('get', '/api/v1/profile');
    assert.equal(network.count(refresh), 0);
    network.expireLastToken();
    assert.equal((await client.call('get', '/api/v1/profile')).email, email);
    assert.equal(network.count(refresh), 1);
    assert.deepEqual(reasons, []);
  });
}

test('a clock that jumps by years, there and back, costs a refresh at most each time', async () => {
  const { client, network, clock, reasons } = await signedIn();
  for (const jump of [1e12, -2e12, 1e12]) {
    clock.now += jump;
    await client.call('get', '/api/v1/profile');
    await client.call('get', '/api/v1/profile');
  }
  assert.ok(network.count(refresh) <= 3);
  assert.deepEqual(reasons, []);
});

test('a time-out longer than timers can measure is not one at once', async () => {
  const { client, email } = await signedIn({ timeout: 1e12, storageTimeout: Infinity });
  assert.equal((await client.call('get', '/api/v1/profile')).email, email);
});

test('a result counts although the timer fires late, and a late result does not', async () => {
  const late = () => new Error('late');
  assert.equal(await within(1, () => 'at once', late), 'at once');
  await assert.rejects(within(1, hang, late), /late/);
});

test('a fetch that never answers, and ignores that it is aborted, times out, and keeps the session', async () => {
  const { client, storage, email } = await signedIn();
  const stuck = newPhone({ storage, fetch: hang, timeout: 0.05 });
  await assert.rejects(stuck.client.call('get', '/api/v1/profile'), NetworkError);
  await assert.rejects(stuck.client.logIn({ email, password }), NetworkError);
  assert.equal(await stuck.client.isSignedIn(), true);
  assert.equal((await client.call('get', '/api/v1/profile')).email, email);
});

test('a body that never ends times out', async () => {
  const { client, network } = await signedIn({ timeout: 0.2 });
  network.instead.set('GET /api/v1/profile', () => new Response(new ReadableStream(), { status: 200 }));
  await assert.rejects(client.call('get', '/api/v1/profile'), NetworkError);
});

const html = { 'Content-Type': 'text/html' };
const json = { 'Content-Type': 'application/json' };
const portals: Record<string, () => Response> = {
  'a page': () => new Response('<html>', { headers: html }),
  'an empty page': () => new Response('', { headers: html }),
  'no content': () => new Response(null, { status: 204 }),
  'a redirect': () => new Response(null, { status: 302, headers: { Location: 'http://login.hotel.example/' } }),
  'half of the JSON': () => new Response('{"access_token": "a', { headers: json }),
  'JSON of its own': () => new Response('{"detail": 1, "login": "http://login.hotel.example/"}', { headers: json }),
  'null': () => new Response('null', { headers: json }),
  'tokens without a life': () => new Response('{"access_token":"a","refresh_token":"r","user":{}}', { headers: json }),
  'an error of its own': () => new Response('{"status":401,"code":"LOGIN_REQUIRED"}',
    { status: 401, headers: { 'Content-Type': 'application/problem+json' } }),
  'a response of another place': () => Object.defineProperty(new Response('{}', { headers: json }), 'url',
    { value: 'https://login.hotel.example/api/v1/profile' }),
  'a response after a redirect': () => Object.defineProperty(new Response('{}', { headers: json }), 'redirected', { value: true }),
};

for (const [what, answer] of Object.entries(portals)) {
  test(`a network that answers with ${what} is neither a login, nor a logout, nor a profile`, async () => {
    const { client, network, clock, reasons, email } = await signedIn();
    network.instead.set(refresh, answer);
    network.instead.set('POST /api/v1/login', answer);
    await assert.rejects(client.logIn({ email, password }));
    clock.now += 3_600_000;
    await assert.rejects(client.call('get', '/api/v1/profile'));
    network.instead.clear();
    if (what !== 'JSON of its own' && what !== 'null' && what !== 'tokens without a life') {
      network.instead.set('GET /api/v1/profile', answer);
      await assert.rejects(client.call('get', '/api/v1/profile'));
      network.instead.clear();
    }
    assert.equal((await client.call('get', '/api/v1/profile')).email, email);
    assert.deepEqual(reasons, []);
  });
}

test('a page in place of the answer to a logout means that the server may not know of it', async () => {
  const { client, network } = await signedIn();
  network.instead.set('POST /api/v1/logout', () => new Response('<html>', { headers: html }));
  await assert.rejects(client.logOut(), NetworkError);
  assert.equal(await client.isSignedIn(), false);
});

test('a sign-up that gets no content is not a sign-up', async () => {
  const { client, network, email } = newPhone();
  network.instead.set('POST /api/v1/signup', () => new Response(null, { status: 204 }));
  await assert.rejects(client.signUp({ email, password }), NetworkError);
});

test('a restart after a storage lost everything asks for the login', async () => {
  const phone = await signedIn();
  await phone.storage.remove(tokenKey);
  assert.equal(await restarted(phone).client.isSignedIn(), false);
});
