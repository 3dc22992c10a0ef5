// The REST API: for each model a list with search, sorting and pages, and to create, read, change and delete records.
import { HttpError, readJson, send, sendJson } from './http.js';
import { loadModels, validate } from './model.js';
import { openStore } from './store.js';

const DEFAULT_PER_PAGE = 20;
const MAX_PER_PAGE = 100;
const MAX_SEARCH_LENGTH = 200;

function wholeNumber(parameters, name, fallback, most) {
  const text = parameters.get(name) ?? String(fallback);
  const number = Number(text);
  if (!/^\d{1,9}$/.test(text) || number < 1 || number > most) {
    throw new HttpError(400, 'INVALID_PARAMETER', `${name} must be a whole number from 1 to ${most}.`);
  }
  return number;
}

function listOptions(model, parameters) {
  const search = parameters.get('search') ?? '';
  if (search.length > MAX_SEARCH_LENGTH) {
    throw new HttpError(400, 'INVALID_PARAMETER', `search has at most ${MAX_SEARCH_LENGTH} characters.`);
  }
  const order = parameters.get('sort') ?? '-id';
  const sort = order.replace(/^-/, '');
  const known = ['id', 'created_at', 'updated_at', ...model.fields.map((field) => field.name)];
  if (!known.includes(sort)) throw new HttpError(400, 'INVALID_PARAMETER', `sort must be one of ${known.join(', ')}.`);
  const page = wholeNumber(parameters, 'page', 1, 1_000_000);
  const perPage = wholeNumber(parameters, 'per_page', DEFAULT_PER_PAGE, MAX_PER_PAGE);
  return { search, sort, descending: order.startsWith('-'), page, perPage };
}

function checked(model, input, options) {
  const { values, errors } = validate(model, input, options);
  const names = Object.keys(errors);
  if (names.length > 0) {
    const label = (name) => model.fields.find((field) => field.name === name)?.label ?? name;
    const message = names.map((name) => `${label(name)} ${errors[name]}.`).join(' ');
    throw new HttpError(422, 'INVALID_FIELDS', message, { fields: errors });
  }
  return values;
}

function recordRoutes(model, store) {
  const path = `/api/${model.plural}`;
  const missing = (id) => new HttpError(404, 'NOT_FOUND', `There is no ${model.label.toLowerCase()} ${id}.`);
  const number = ({ params: { id } }) => {
    if (!/^[1-9]\d{0,14}$/.test(id)) throw missing(id);
    return Number(id);
  };
  const existing = (record, id) => {
    if (!record) throw missing(id);
    return record;
  };

  async function list({ response, url }) {
    const { page, perPage, ...options } = listOptions(model, url.searchParams);
    const found = await (await store()).list(model.name, { ...options, offset: (page - 1) * perPage, limit: perPage });
    const pages = Math.max(1, Math.ceil(found.total / perPage));
    sendJson(response, 200, { items: found.items, page, per_page: perPage, total: found.total, pages });
  }

  async function create({ request, response }) {
    const values = checked(model, await readJson(request));
    const record = await (await store()).create(model.name, values);
    sendJson(response, 201, record, { location: `${path}/${record.id}` });
  }

  async function read(context) {
    const id = number(context);
    sendJson(context.response, 200, existing(await (await store()).get(model.name, id), id));
  }

  const update = (partial) => async (context) => {
    const id = number(context);
    existing(await (await store()).get(model.name, id), id);
    const values = checked(model, await readJson(context.request), { partial });
    sendJson(context.response, 200, existing(await (await store()).update(model.name, id, values), id));
  };

  async function remove(context) {
    const id = number(context);
    if (!(await (await store()).remove(model.name, id))) throw missing(id);
    send(context.response, 204, undefined, { 'cache-control': 'no-store' });
  }

  return {
    [path]: { GET: list, POST: create },
    [`${path}/:id`]: { GET: read, PUT: update(false), PATCH: update(true), DELETE: remove },
  };
}

export function createRoutes({ dataDirectory, models = loadModels() }) {
  // Opened by the first request that needs it, so that an app that is only asked for its health leaves no files.
  let opened;
  const store = () => (opened ??= openStore(dataDirectory, models));
  const routes = { '/api/model': { GET: ({ response }) => sendJson(response, 200, { entities: models }) } };
  for (const model of models) Object.assign(routes, recordRoutes(model, store));
  return routes;
}
