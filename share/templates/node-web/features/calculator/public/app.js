// The calculator page. Results are previewed while one types; "=" asks the server and keeps the answer in the history.
import { CalculatorError, evaluate } from './calculator.js';

const HISTORY_KEY = 'calculator-history';
const HISTORY_LENGTH = 50;

const form = document.querySelector('#calculator');
const input = document.querySelector('#expression');
const output = document.querySelector('#result');
const message = document.querySelector('#message');
const list = document.querySelector('#history');
const empty = document.querySelector('#history-empty');
const clearHistory = document.querySelector('#clear-history');

let history = loadHistory();
// Set after "=": the next digit begins anew, the next operator goes on with the result.
let settled = false;
let request = 0;

function show(text, { preview = false, error = '' } = {}) {
  output.textContent = text;
  output.classList.toggle('preview', preview);
  output.classList.toggle('long', text.length > 11);
  message.textContent = error;
}

// A preview says nothing about errors: most expressions are wrong while they are typed.
function preview() {
  settled = false;
  request += 1;
  const text = input.value.trim();
  if (text === '') {
    show('0');
    return;
  }
  try {
    show(format(evaluate(text)), { preview: true });
  } catch (error) {
    if (!(error instanceof CalculatorError)) throw error;
    message.textContent = '';
    output.classList.add('preview');
  }
}

function format(value) {
  return String(value).replace('-', '−');
}

function showMistake(text, position) {
  show('Error', { error: text });
  input.focus();
  input.setSelectionRange(position - 1, position);
}

async function compute() {
  const expression = input.value.trim();
  if (expression === '') return;
  input.value = expression;
  const mine = ++request;
  try {
    // A mistake is told at once; the server, which has the last word, is asked for results only.
    evaluate(expression);
    const response = await fetch('/api/calculate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ expression }),
    });
    const answer = await response.json();
    if (mine !== request) return;
    if (!response.ok) {
      showMistake(answer.error, answer.position ?? 1);
      return;
    }
    show(format(answer.result));
    settled = true;
    remember({ expression, result: answer.result });
  } catch (error) {
    if (mine !== request) return;
    if (error instanceof CalculatorError) showMistake(error.message, error.position);
    else show('Error', { error: 'The server cannot be reached. Try again.' });
  }
}

function lastAnswer() {
  const value = history[0]?.result ?? 0;
  return value < 0 ? `(${value})` : String(value);
}

function insert(text) {
  if (settled) {
    input.value = '+-*/%^'.includes(text) ? lastAnswer() : '';
    input.setSelectionRange(input.value.length, input.value.length);
    settled = false;
  }
  input.setRangeText(text, input.selectionStart, input.selectionEnd, 'end');
  input.scrollLeft = input.scrollWidth;
  preview();
}

function remove() {
  const { selectionStart: start, selectionEnd: end } = input;
  input.setRangeText('', start === end ? Math.max(0, start - 1) : start, end, 'end');
  preview();
}

function clear() {
  input.value = '';
  preview();
}

const actions = { clear, delete: remove, answer: () => insert(lastAnswer()) };

form.addEventListener('click', (event) => {
  const key = event.target.closest('.key');
  if (!key) return;
  if (key.dataset.insert) insert(key.dataset.insert);
  else if (key.dataset.action) actions[key.dataset.action]();
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  compute();
});

input.addEventListener('input', preview);

// Keys work wherever the focus is, except on buttons, which keep Enter and Space for themselves.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.closest('button, a') !== null;
  if (event.key === 'Escape') {
    clear();
    input.focus();
  } else if (event.key === '=' || (event.key === 'Enter' && !onButton)) {
    event.preventDefault();
    compute();
  } else if (event.key === 'Backspace' && event.target !== input) {
    remove();
  } else if (/^[0-9.()+\-*/%^]$/.test(event.key) && (event.target !== input || settled)) {
    event.preventDefault();
    insert(event.key);
  } else {
    return;
  }
  flash(event.key);
});

function flash(key) {
  const name = { Enter: '.equals', '=': '.equals', Backspace: '[data-action=delete]', Escape: '[data-action=clear]' }[key];
  const button = form.querySelector(name ?? `[data-insert="${CSS.escape(key)}"]`);
  button?.classList.add('pressed');
  setTimeout(() => button?.classList.remove('pressed'), 120);
}

function loadHistory() {
  try {
    const entries = JSON.parse(localStorage.getItem(HISTORY_KEY)) ?? [];
    return entries.filter((entry) => typeof entry.expression === 'string' && typeof entry.result === 'number');
  } catch {
    return [];
  }
}

function remember(entry) {
  history = [entry, ...history].slice(0, HISTORY_LENGTH);
  keepHistory();
}

function keepHistory() {
  try {
    localStorage.setItem(HISTORY_KEY, JSON.stringify(history));
  } catch {
    // Private windows may refuse storage; the history then lasts as long as the page.
  }
  showHistory();
}

function showHistory() {
  list.replaceChildren(...history.map(historyItem));
  list.hidden = history.length === 0;
  empty.hidden = history.length > 0;
  clearHistory.hidden = history.length === 0;
}

function historyItem({ expression, result }) {
  const past = document.createElement('span');
  past.className = 'past';
  past.textContent = `${expression} =`;
  const value = document.createElement('span');
  value.className = 'value';
  value.textContent = format(result);
  const button = document.createElement('button');
  button.type = 'button';
  button.append(past, ' ', value);
  button.addEventListener('click', () => {
    input.value = expression;
    input.focus();
    preview();
  });
  const item = document.createElement('li');
  item.append(button);
  return item;
}

clearHistory.addEventListener('click', () => {
  history = [];
  keepHistory();
  input.focus();
});

showHistory();
