// Puts the application together: health, the routes of the application, and its public files.
import { fileURLToPath } from 'node:url';
import { createHandler, loadStatic, sendJson } from './http.js';
import { createRoutes } from './routes.js';

const PUBLIC_DIRECTORY = fileURLToPath(new URL('../public', import.meta.url));

function health({ response }) {
  sendJson(response, 200, { status: 'ok', uptime_seconds: Math.floor(process.uptime()) });
}

/** Returns the request handler of the whole application; what it stores goes to `dataDirectory`. */
export async function createApp({ dataDirectory = process.env.DATA_DIR || 'data', ...options } = {}) {
  const files = await loadStatic(PUBLIC_DIRECTORY);
  const routes = { '/health': { GET: health }, ...createRoutes({ dataDirectory }) };
  return createHandler({ routes, files, ...options });
}
