// Small HTTP tools on node:http: a router, JSON bodies, and static files held in memory.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_STATIC_BYTES = 32 * 1024 * 1024;

const CONTENT_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** An error that a client may see: it becomes a JSON answer with this status. */
export class HttpError extends Error {
  constructor(status, code, message, extra = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
    this.extra = extra;
  }
}

/** Answers with a JSON document. */
export function sendJson(response, status, value, headers = {}) {
  send(response, status, Buffer.from(`${JSON.stringify(value)}\n`), {
    'content-type': CONTENT_TYPES['.json'],
    'cache-control': 'no-store',
    ...headers,
  });
}

/** Reads a JSON object from the request; refuses other types, broken JSON and bodies over 64 KiB. */
export async function readJson(request) {
  const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (type !== 'application/json') {
    throw new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.');
  }
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new HttpError(413, 'BODY_TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  let value;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new HttpError(400, 'INVALID_JSON', 'The body is not valid JSON.');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new HttpError(400, 'INVALID_JSON', 'The body must be a JSON object.');
  }
  return value;
}

/**
 * Reads every file of a folder into memory, once. Requests are answered by exact name from this map,
 * so no request can reach a file outside the folder, a dot file or the target of a symbolic link.
 */
export async function loadStatic(directory) {
  const files = new Map();
  let total = 0;
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const folder = entry.parentPath ?? entry.path;
    const relative = join(folder, entry.name).slice(directory.length + 1);
    if (!entry.isFile() || relative.split('/').some((part) => part.startsWith('.'))) continue;
    const body = await readFile(join(directory, relative));
    total += body.length;
    if (total > MAX_STATIC_BYTES) throw new Error(`${directory} holds more than ${MAX_STATIC_BYTES} bytes`);
    const type = CONTENT_TYPES[extname(entry.name)] ?? 'application/octet-stream';
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
    files.set(`/${relative}`, { body, type, etag });
    if (relative === 'index.html') files.set('/', { body, type, etag });
  }
  return files;
}

/**
 * Makes the function that answers a request.
 * `routes` maps a path to its methods: `{ '/health': { GET: handler }, '/api/tasks/:id': { DELETE: handler } }`;
 * a handler gets `{ request, response, url, params }`.
 */
export function createHandler({ routes, files, log = console.error }) {
  const find = compileRoutes(routes);
  return async function handle(request, response) {
    try {
      const url = parseUrl(request.url);
      const route = find(url.pathname);
      if (route) await answerRoute(route.methods, { request, response, url, params: route.params });
      else answerFile(files.get(url.pathname), { request, response, url });
    } catch (error) {
      answerError(error, request, response, log);
    }
  };
}

/** A function that finds the route of a path: the one with its exact name, else the first whose `:parts` fit. */
function compileRoutes(routes) {
  const exact = new Map(Object.entries(routes).filter(([path]) => !path.includes('/:')));
  const patterns = Object.entries(routes)
    .filter(([path]) => path.includes('/:'))
    .map(([path, methods]) => ({ parts: path.split('/'), methods }));
  return (pathname) => {
    if (exact.has(pathname)) return { methods: exact.get(pathname), params: {} };
    const given = pathname.split('/');
    const fits = ({ parts }) =>
      parts.length === given.length && parts.every((part, index) => part.startsWith(':') || part === given[index]);
    const found = patterns.find(fits);
    if (!found) return undefined;
    const values = found.parts.map((part, index) => [part.slice(1), given[index]]);
    return { methods: found.methods, params: Object.fromEntries(values.filter((_, at) => found.parts[at][0] === ':')) };
  };
}

function parseUrl(target) {
  try {
    return new URL(target, 'http://localhost');
  } catch {
    throw new HttpError(400, 'INVALID_URL', 'The request target is not a valid URL.');
  }
}

async function answerRoute(methods, context) {
  const { request } = context;
  const name = request.method === 'HEAD' ? 'GET' : request.method;
  if (!Object.hasOwn(methods, name)) throw methodNotAllowed(Object.keys(methods));
  await methods[name](context);
}

function answerFile(file, { request, response, url }) {
  if (!file) throw new HttpError(404, 'NOT_FOUND', `There is nothing at ${url.pathname}.`);
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed(['GET']);
  const headers = { 'content-type': file.type, 'cache-control': 'no-cache', etag: file.etag };
  if (request.headers['if-none-match'] === file.etag) send(response, 304, undefined, headers);
  else send(response, 200, file.body, headers);
}

function methodNotAllowed(methods) {
  const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  const error = new HttpError(405, 'METHOD_NOT_ALLOWED', `Use ${allowed.join(' or ')}.`);
  error.headers = { allow: allowed.join(', ') };
  return error;
}

function answerError(error, request, response, log) {
  const known = error instanceof HttpError;
  if (!known) log(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = known ? error.status : 500;
  const body = known
    ? { error: error.message, code: error.code, ...error.extra }
    : { error: 'Something went wrong on the server.', code: 'INTERNAL' };
  // A body that was not read to its end would be taken for the next request.
  const close = request.complete ? {} : { connection: 'close' };
  sendJson(response, status, body, { ...error.headers, ...close });
}

/** Answers with bytes; the headers that protect the page are added, and a HEAD request gets no body. */
export function send(response, status, body, headers) {
  const length = body === undefined ? {} : { 'content-length': body.length };
  response.writeHead(status, { ...SECURITY_HEADERS, ...headers, ...length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
