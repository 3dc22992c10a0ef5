// The calculator over HTTP.
import { readFile } from 'node:fs/promises';
import { CalculatorError, evaluate } from './calculator.js';
import { HttpError, readJson, send, sendJson } from './http.js';

const source = await readFile(new URL('./calculator.js', import.meta.url));

function answer(response, expression, hint = '') {
  try {
    sendJson(response, 200, { expression, result: evaluate(expression) });
  } catch (error) {
    if (!(error instanceof CalculatorError)) throw error;
    throw new HttpError(400, error.code, error.message + hint, { position: error.position });
  }
}

function calculateFromQuery({ response, url }) {
  const expression = url.searchParams.get('expression');
  if (expression === null) {
    throw new HttpError(400, 'MISSING_EXPRESSION', 'Name an expression, as in /api/calculate?expression=7*6.');
  }
  const hint = /[?&]expression=[^&]*\+/.test(url.search) ? ' In a URL a plus sign is written %2B.' : '';
  answer(response, expression, hint);
}

async function calculateFromBody({ request, response }) {
  const { expression } = await readJson(request);
  if (typeof expression !== 'string') {
    throw new HttpError(400, 'MISSING_EXPRESSION', 'The body needs a text "expression", as in {"expression": "7*6"}.');
  }
  answer(response, expression);
}

// The page shows results while one types; it does so with the very same evaluator.
function calculatorModule({ response }) {
  send(response, 200, source, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache' });
}

export function createRoutes() {
  return {
    '/api/calculate': { GET: calculateFromQuery, POST: calculateFromBody },
    '/calculator.js': { GET: calculatorModule },
  };
}
