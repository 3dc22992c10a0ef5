// The program itself: it starts where PORT says, and stops when it is told.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../src/server.js', import.meta.url));

function start(environment) {
  const child = spawn(process.execPath, [program], { env: { ...process.env, ...environment } });
  child.output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (child.output += chunk));
  return child;
}

function address(child) {
  return new Promise((resolve, reject) => {
    child.stdout.on('data', () => {
      const found = /http:\S+/.exec(child.output);
      if (found) resolve(found[0]);
    });
    child.on('close', () => reject(new Error(`the server did not start: ${child.output}`)));
  });
}

describe('the server', () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    it(`starts, answers, and ends cleanly on ${signal}`, async () => {
      const child = start({ PORT: '0' });
      const exit = once(child, 'exit');
      const response = await fetch(`${await address(child)}/health`, { headers: { connection: 'close' } });
      assert.equal(response.status, 200);
      child.kill(signal);
      assert.deepEqual(await exit, [0, null]);
    });
  }

  it('says why it does not start', async () => {
    const wrong = start({ PORT: 'eighty' });
    assert.deepEqual(await once(wrong, 'close'), [64, null]);
    assert.match(wrong.output, /PORT must be a number/);

    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const second = start({ PORT: String(holder.address().port) });
    assert.deepEqual(await once(second, 'close'), [1, null]);
    assert.match(second.output, /cannot listen/);
    holder.close();
  });
});
