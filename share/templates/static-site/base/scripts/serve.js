// Serves dist/ for trying it out and behind a proxy. PORT (default 3000) and HOST (default 127.0.0.1) say where.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Makes a server that answers from memory, by exact name: no request can reach a file outside the folder. */
export function createSite(folder = DIST) {
  const files = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    files.set(path.slice(folder.length), readFileSync(path));
  }
  return createServer((request, response) => {
    const answer = (status, body, headers) => {
      response.writeHead(status, { ...HEADERS, 'content-length': Buffer.byteLength(body), ...headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    let path = '';
    try {
      path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    } catch {
      answer(400, 'not an address\n', { 'content-type': TYPES['.txt'] });
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(405, 'use GET\n', { 'content-type': TYPES['.txt'], allow: 'GET, HEAD' });
    } else if (path === '/health') {
      answer(200, '{"status":"ok"}\n', { 'content-type': TYPES['.json'], 'cache-control': 'no-store' });
    } else if (files.has(path) || files.has(`${path}index.html`)) {
      const name = files.has(path) ? path : `${path}index.html`;
      const lasts = /-[0-9a-f]{10}\.\w+$/.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache';
      const type = TYPES[extname(name)] ?? 'application/octet-stream';
      answer(200, files.get(name), { 'content-type': type, 'cache-control': lasts });
    } else if (files.has(`${path}/index.html`)) {
      answer(308, '', { location: `${encodeURI(path).replace(/^\/+/, '/')}/` });
    } else {
      answer(404, files.get('/404.html') ?? 'not found\n', { 'content-type': TYPES['.html'] });
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 3000);
  const server = createSite();
  server.on('error', (error) => {
    console.error(`cannot listen on port ${port}: ${error.message}`);
    process.exit(1);
  });
  server.listen(port, process.env.HOST ?? '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close(() => process.exit(0));
      server.closeIdleConnections();
    });
  }
}
