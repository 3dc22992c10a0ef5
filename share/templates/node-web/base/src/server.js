// Starts the application. PORT (default 3000) and HOST (default 127.0.0.1) say where it listens.
import { createServer } from 'node:http';
import { createApp } from './app.js';

const SHUTDOWN_MILLISECONDS = 5000;

const port = Number(process.env.PORT ?? 3000);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`PORT must be a number from 0 to 65535, not "${process.env.PORT}".`);
  process.exit(64);
}

const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, await createApp());

server.on('error', (error) => {
  console.error(`cannot listen on port ${port}: ${error.message}`);
  process.exit(1);
});

server.listen(port, process.env.HOST ?? '127.0.0.1', () => {
  const { address, port: actual, family } = server.address();
  console.log(`listening on http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`);
});

function shutDown(signal) {
  console.log(`${signal}: finishing open requests`);
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), SHUTDOWN_MILLISECONDS).unref();
}

process.once('SIGTERM', shutDown);
process.once('SIGINT', shutDown);
