// What every request meets, whatever the application does: health, files, headers and errors.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createApp } from '../src/app.js';
import { createHandler, loadStatic, readJson, sendJson } from '../src/http.js';

async function listen(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function close(server) {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Sends a request target as it is, which fetch would tidy up. */
function raw(server, path, options = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port: server.address().port, path, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

describe('the application', () => {
  let server;
  before(async () => (server = await listen(await createApp())));
  after(() => close(server));

  it('says that it is well', async () => {
    const { status, headers, text } = await raw(server, '/health');
    assert.equal(status, 200);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(JSON.parse(text).status, 'ok');
  });

  it('serves its page with a strict content security policy', async () => {
    const { status, headers, text } = await raw(server, '/');
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/html/);
    assert.match(headers['content-security-policy'], /default-src 'none'/);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(text, /<html lang="en">/);
    assert.doesNotMatch(text, /<script>|<style>| style=| on[a-z]+=/);
  });

  it('has every file that its page names, and none from elsewhere', async () => {
    const { text } = await raw(server, '/');
    const names = [...text.matchAll(/(?:src|href)="([^"#?]+)/g)].map((match) => match[1]);
    assert.ok(names.length >= 5);
    for (const name of names.filter((name) => !name.startsWith('/api/'))) {
      assert.match(name, /^\//);
      assert.equal((await raw(server, name)).status, 200, name);
    }
  });

  it('answers an unchanged file with 304, and HEAD without a body', async () => {
    const first = await raw(server, '/base.css');
    const again = await raw(server, '/base.css', { headers: { 'if-none-match': first.headers.etag } });
    assert.equal(again.status, 304);
    const head = await raw(server, '/base.css', { method: 'HEAD' });
    assert.equal(head.text, '');
    assert.equal(Number(head.headers['content-length']), Buffer.byteLength(first.text));
  });

  it('reaches no file outside its public folder', async () => {
    const targets = ['/../package.json', '/..%2fpackage.json', '/%2e%2e/src/app.js', '/..\\package.json', '//etc/passwd'];
    for (const target of targets) {
      const { status, text } = await raw(server, target);
      assert.equal(status, 404, target);
      assert.doesNotMatch(text, /"type"|import|root:/);
    }
  });

  it('refuses what it does not know, with JSON', async () => {
    const missing = await raw(server, '/nothing-here');
    assert.equal(missing.status, 404);
    assert.equal(JSON.parse(missing.text).code, 'NOT_FOUND');
    const wrong = await raw(server, '/health', { method: 'DELETE' });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.allow, 'GET, HEAD');
    assert.equal((await raw(server, '/base.css', { method: 'POST' })).status, 405);
    assert.equal((await raw(server, '/constructor')).status, 404);
    assert.equal((await raw(server, 'http://[')).status, 400);
  });
});

describe('the HTTP tools', () => {
  let server;
  const logged = [];
  const routes = {
    '/echo': { POST: async ({ request, response }) => sendJson(response, 200, await readJson(request)) },
    '/broken': {
      GET: () => {
        throw new Error('secret detail');
      },
    },
    '/late': {
      GET: ({ response }) => {
        response.write('begun');
        throw new Error('after the headers');
      },
    },
  };
  before(async () => {
    server = await listen(createHandler({ routes, files: new Map(), log: (error) => logged.push(error.message) }));
  });
  after(() => close(server));

  function post(body, type = 'application/json') {
    return raw(server, '/echo', { method: 'POST', body, headers: { 'content-type': type } });
  }

  it('read JSON objects and nothing else', async () => {
    assert.deepEqual(JSON.parse((await post('{"a": 1}')).text), { a: 1 });
    assert.equal((await post('{"a": 1}', 'text/plain')).status, 415);
    for (const body of ['', '{', '[]', 'null', '7']) assert.equal((await post(body)).status, 400, body);
  });

  it('refuse a body over the limit', async () => {
    const { status, text } = await post(`{"a": "${'x'.repeat(70_000)}"}`);
    assert.equal(status, 413);
    assert.equal(JSON.parse(text).code, 'BODY_TOO_LARGE');
  });

  it('tell a client nothing about errors inside', async () => {
    const { status, text } = await raw(server, '/broken');
    assert.equal(status, 500);
    assert.doesNotMatch(text, /secret/);
    assert.ok(logged.includes('secret detail'));
  });

  it('end the connection when something breaks after the headers', async () => {
    await assert.rejects(raw(server, '/late'));
  });

  it('serve neither dot files nor the targets of links', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'static-'));
    try {
      await mkdir(join(folder, 'deep'));
      await writeFile(join(folder, 'deep', 'a.txt'), 'a');
      await writeFile(join(folder, 'deep', 'b.bin'), 'b');
      await writeFile(join(folder, '.hidden'), 'h');
      await symlink('/etc/passwd', join(folder, 'link.txt'));
      const files = await loadStatic(folder);
      assert.deepEqual([...files.keys()].sort(), ['/deep/a.txt', '/deep/b.bin']);
      assert.equal(files.get('/deep/b.bin').type, 'application/octet-stream');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
