// Runs the real service in an empty directory, on a free port: the program that LATCHKEY_PROGRAM names, or one that it
// builds.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const secret = 'a shared secret for the tests of the client';

export class Server {
  private constructor(
    readonly baseURL: string, private readonly folder: string, private readonly process: ChildProcess,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
    const program = process.env.LATCHKEY_PROGRAM ?? build(folder);
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(program, {
      cwd: folder,
      env: { ADDR: address, JWT_ALGORITHM: 'HS256', JWT_SECRET_KEY: secret, ...settings },
      stdio: 'ignore',
    });
    const server = new Server(`http://${address}`, folder, child);
    await server.isReady();
    return server;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.kill('SIGTERM')) await once(this.process, 'exit');
    rmSync(this.folder, { recursive: true });
  }

  private async isReady(): Promise<void> {
    for (;;) {
      if (this.process.exitCode !== null) throw new Error(`the service ended with code ${this.process.exitCode}`);
      const response = await fetch(`${this.baseURL}/readyz`).catch(() => undefined);
      if (response?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function build(folder: string): string {
  const program = join(folder, 'latchkey');
  const root = join(import.meta.dirname, '../../../..');
  execFileSync('go', ['build', '-o', program, '.'], { cwd: root, stdio: 'inherit' });
  return program;
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

/** expired returns the same access token, signed as by the service, but issued an hour earlier. */
export function expired(token: string): string {
  const [header = '', payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, number>;
  for (const name of ['iat', 'nbf', 'exp']) if (claims[name] !== undefined) claims[name] -= 3600;
  const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
