// The application's API over real HTTP.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { createApp } from '../src/app.js';

describe('the API', () => {
  let server;
  let base;
  before(async () => {
    server = createServer(await createApp());
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('tells what the application is', async () => {
    const response = await fetch(`${base}/api/info`);
    assert.equal(response.status, 200);
    const body = await response.json();
    assert.equal(body.version, '0.1.0');
    assert.ok(body.name.length > 0);
    assert.ok(!Number.isNaN(Date.parse(body.started_at)));
    assert.equal(body.greeting, 'Hello, world!');
  });

  it('greets by name, as text', async () => {
    const response = await fetch(`${base}/api/info?name=${encodeURIComponent('<b>Ada</b>')}`);
    assert.match(response.headers.get('content-type'), /^application\/json/);
    assert.equal((await response.json()).greeting, 'Hello, <b>Ada</b>!');
  });

  it('refuses a name that is too long', async () => {
    const response = await fetch(`${base}/api/info?name=${'x'.repeat(101)}`);
    assert.equal(response.status, 400);
    assert.equal((await response.json()).code, 'NAME_TOO_LONG');
  });
});
