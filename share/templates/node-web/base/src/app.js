// Puts the application together: health, the routes of the application, and its public files.
import { fileURLToPath } from 'node:url';
import { createHandler, loadStatic, sendJson } from './http.js';
import { routes } from './routes.js';

const PUBLIC_DIRECTORY = fileURLToPath(new URL('../public', import.meta.url));

function health({ response }) {
  sendJson(response, 200, { status: 'ok', uptime_seconds: Math.floor(process.uptime()) });
}

/** Returns the request handler of the whole application. */
export async function createApp(options = {}) {
  const files = await loadStatic(PUBLIC_DIRECTORY);
  return createHandler({ routes: { '/health': { GET: health }, ...routes }, files, ...options });
}
