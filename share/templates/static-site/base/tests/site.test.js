// The built site, and the scripts that build, check and serve it.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addressOf, build, escapeHTML, fill, parsePage } from '../scripts/build.js';
import { check, problems } from '../scripts/check.js';
import { createSite } from '../scripts/serve.js';

const SITE = fileURLToPath(new URL('../site', import.meta.url));

describe('the site', () => {
  let folder;
  let server;
  let base;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'site-'));
    build(SITE, join(folder, 'dist'));
    server = createSite(join(folder, 'dist'));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('has no broken link, no picture without a text, one heading a page', () => {
    assert.deepEqual(check(join(folder, 'dist')), []);
  });

  it('serves every page of its sitemap, with its title and a strict policy', async () => {
    const addresses = readFileSync(join(folder, 'dist', 'sitemap.txt'), 'utf8').trim().split('\n');
    assert.ok(addresses.length >= 2);
    for (const address of addresses) {
      const response = await fetch(base + new URL(address, base).pathname);
      assert.equal(response.status, 200, address);
      assert.match(await response.text(), /<title>[^<]+<\/title>/);
      assert.doesNotMatch(response.headers.get('content-security-policy'), /unsafe/);
    }
  });

  it('says that it is well, and what it does not have', async () => {
    assert.deepEqual(await (await fetch(`${base}/health`)).json(), { status: 'ok' });
    const missing = await fetch(`${base}/nothing-here`);
    assert.equal(missing.status, 404);
    assert.match(await missing.text(), /<h1/);
    assert.equal((await fetch(`${base}/`, { method: 'POST' })).status, 405);
    for (const path of ['/..%2fpackage.json', '/%2e%2e/package.json', '/%']) {
      assert.ok([400, 404].includes((await fetch(base + path)).status), path);
    }
    assert.equal((await fetch(`${base}/about`, { redirect: 'manual' })).headers.get('location'), '/about/');
  });

  it('lets styles and scripts be kept for good, and pages be asked for again', async () => {
    const style = readdirSync(join(folder, 'dist')).find((name) => name.endsWith('.css'));
    assert.match((await fetch(`${base}/${style}`)).headers.get('cache-control'), /immutable/);
    assert.equal((await fetch(`${base}/`)).headers.get('cache-control'), 'no-cache');
  });

  it('stays as it was when a page has a mistake', () => {
    const copy = join(folder, 'copy');
    cpSync(SITE, copy, { recursive: true });
    writeFileSync(join(copy, 'broken.html'), '<p>no settings</p>\n');
    const before = readdirSync(join(folder, 'dist'));
    assert.throws(() => build(copy, join(folder, 'dist')), /broken\.html:1/);
    assert.deepEqual(readdirSync(join(folder, 'dist')), before);
  });
});

describe('the scripts', () => {
  it('read pages and fill them', () => {
    assert.equal(escapeHTML('<a href="x">&\''), '&lt;a href=&quot;x&quot;&gt;&amp;&#39;');
    assert.equal(fill('{{a}} {{{a}}}', { a: '<' }, 'f'), '&lt; <');
    assert.throws(() => fill('{{b}}', {}, 'f'), /no value b/);
    assert.throws(() => parsePage('<!-- {"title": "A"} -->\n', 'f'), /description is missing/);
    assert.throws(() => parsePage('<!-- {nothing} -->\n', 'f'), /f:1/);
    assert.deepEqual(['index.html', 'about.html', 'news/index.html', '404.html'].map(addressOf), ['/', '/about/', '/news/', '/404.html']);
  });

  it('find what is wrong in a page, with its line', () => {
    const wrong = problems('<html>\n<img src="https://a/b.png">\n<a href="/nowhere">x</a><a href="about">y</a>\n<p style="a">', tmpdir());
    assert.deepEqual(wrong.map(({ line }) => line).sort(), [1, 1, 1, 2, 3, 3, 4]);
  });
});
