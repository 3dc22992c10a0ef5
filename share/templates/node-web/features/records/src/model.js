// What the application stores: the models in model/*.json, and the check of everything that comes in.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODEL_DIRECTORY = fileURLToPath(new URL('../model', import.meta.url));

/** Types whose values are found by searching. */
export const TEXT_TYPES = new Set(['string', 'text', 'email', 'url', 'choice']);

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const DATETIME = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Reads the models of a folder, in the order of the page. */
export function loadModels(directory = MODEL_DIRECTORY) {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')))
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
}

function isDate(text) {
  const [, year, month, day] = DATE.exec(text)?.map(Number) ?? [];
  if (!year) return false;
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function isWebAddress(text) {
  if (!URL.canParse(text)) return false;
  const { protocol } = new URL(text);
  return protocol === 'http:' || protocol === 'https:';
}

// Each gives the value to keep, or throws with what is wrong.
const CHECKS = {
  string: (value, field) => line(value, field),
  text: (value, field) => text(value, field),
  email: (value, field) => {
    const address = line(value, field);
    return address === null || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) ? address : wrong('must be an e-mail address');
  },
  url: (value, field) => {
    const address = line(value, field);
    return address === null || isWebAddress(address) ? address : wrong('must be a web address, such as https://example.com');
  },
  int: (value) => (Number.isSafeInteger(value) ? value : wrong('must be a whole number')),
  number: (value) => (Number.isFinite(value) ? value : wrong('must be a number')),
  bool: (value) => (typeof value === 'boolean' ? value : wrong('must be true or false')),
  date: (value) => (typeof value === 'string' && isDate(value) ? value : wrong('must be a date, such as 2026-01-31')),
  datetime: (value) => {
    const found = typeof value === 'string' ? DATETIME.exec(value) : null;
    if (!found || !isDate(found[1])) wrong('must be a date and time with its zone, such as 2026-01-31T12:30:00Z');
    return `${new Date(value).toISOString().slice(0, 19)}Z`;
  },
  choice: (value, field) => (field.choices.includes(value) ? value : wrong(`must be one of ${field.choices.join(', ')}`)),
};

function wrong(message) {
  throw new RangeError(message);
}

function text(value, { max_length: most }) {
  if (typeof value !== 'string') wrong('must be a text');
  if (value.includes('\0')) wrong('has a character that no text may have');
  const length = [...value].length;
  if (length > most) wrong(`has ${length} characters; at most ${most} are allowed`);
  return value.trim() === '' ? null : value;
}

function line(value, field) {
  const checked = text(value, field)?.trim() ?? null;
  if (checked !== null && /[\r\n]/.test(checked)) wrong('must be one line');
  return checked;
}

/**
 * Checks what somebody sent for a record. With `partial`, fields that are not there are left alone.
 * Returns the values to keep and, by field, what is wrong; without mistakes `errors` is empty.
 */
export function validate(model, input, { partial = false } = {}) {
  const values = {};
  const errors = {};
  const known = new Set(model.fields.map((field) => field.name));
  for (const name of Object.keys(input)) if (!known.has(name)) errors[name] = 'is not known';
  for (const field of model.fields) {
    if (partial && !Object.hasOwn(input, field.name)) continue;
    const given = Object.hasOwn(input, field.name) ? input[field.name] : null;
    try {
      const empty = given === null || given === '';
      const value = empty ? (field.type === 'bool' && !field.required ? false : null) : CHECKS[field.type](given, field);
      if (value === null && field.required) wrong('is required');
      values[field.name] = value;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      errors[field.name] = error.message;
    }
  }
  return { values, errors };
}

/** The text that a search looks through. */
export function searchText(model, values) {
  const texts = model.fields.filter((field) => TEXT_TYPES.has(field.type)).map((field) => values[field.name] ?? '');
  return texts.join('\n').toLowerCase();
}

/** The words of a search: a record has to contain all of them. */
export function searchWords(search) {
  return search.toLowerCase().split(/\s+/).filter(Boolean);
}
