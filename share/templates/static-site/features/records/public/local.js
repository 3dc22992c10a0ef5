// Answers what a server would, from what this browser keeps (localStorage): lists with search, sorting and pages, and to
// make, read, change and delete records. The models are in /model.json.
(() => {
  const TEXT_TYPES = ['string', 'text', 'email', 'url', 'choice'];
  const keyOf = (model) => `records:${model.plural}`;
  let models;

  class Problem extends Error {
    constructor(status, code, message, fields) {
      super(message);
      Object.assign(this, { status, code, fields });
    }
  }

  const load = (model) => JSON.parse(localStorage.getItem(keyOf(model)) ?? '{"next":1,"records":[]}');
  const keep = (model, table) => localStorage.setItem(keyOf(model), JSON.stringify(table));

  function wrong(message) {
    throw new RangeError(message);
  }

  function text(value, field) {
    if (typeof value !== 'string') wrong('must be a text');
    const most = field.max_length ?? 10_000;
    if ([...value].length > most) wrong(`has ${[...value].length} characters; at most ${most} are allowed`);
    return value.trim() === '' ? null : value;
  }

  function line(value, field) {
    const checked = text(value, field)?.trim() ?? null;
    if (checked !== null && /[\r\n]/.test(checked)) wrong('must be one line');
    return checked;
  }

  function isDate(value) {
    if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
    const date = new Date(`${value}T00:00:00Z`);
    return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value);
  }

  const CHECKS = {
    string: line,
    text,
    email: (value, field) => {
      const address = line(value, field);
      return address === null || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) ? address : wrong('must be an e-mail address');
    },
    url: (value, field) => {
      const address = line(value, field);
      const isGood = address === null || (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol));
      return isGood ? address : wrong('must be a web address, such as https://example.com');
    },
    int: (value) => (Number.isSafeInteger(value) ? value : wrong('must be a whole number')),
    number: (value) => (Number.isFinite(value) ? value : wrong('must be a number')),
    bool: (value) => (typeof value === 'boolean' ? value : wrong('must be true or false')),
    date: (value) => (isDate(value) ? value : wrong('must be a date, such as 2026-01-31')),
    datetime: (value) => {
      const moment = new Date(typeof value === 'string' ? value : NaN);
      if (Number.isNaN(moment.getTime())) wrong('must be a date and time with its zone, such as 2026-01-31T12:30:00Z');
      return `${moment.toISOString().slice(0, 19)}Z`;
    },
    choice: (value, field) => (field.choices.includes(value) ? value : wrong(`must be one of ${field.choices.join(', ')}`)),
  };

  /** The values to keep; with `partial`, fields that are not there are left alone. */
  function checked(model, given, partial) {
    const values = {};
    const fields = {};
    for (const name of Object.keys(given)) {
      if (!model.fields.some((field) => field.name === name)) fields[name] = 'is not known';
    }
    for (const field of model.fields) {
      if (partial && !Object.hasOwn(given, field.name)) continue;
      const value = given[field.name] ?? null;
      try {
        const isEmpty = value === null || value === '';
        const kept = isEmpty ? (field.type === 'bool' && !field.required ? false : null) : CHECKS[field.type](value, field);
        if (kept === null && field.required) wrong('is required');
        values[field.name] = kept;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        fields[field.name] = error.message;
      }
    }
    if (Object.keys(fields).length === 0) return values;
    const label = (name) => model.fields.find((field) => field.name === name)?.label ?? name;
    const message = Object.entries(fields).map(([name, what]) => `${label(name)} ${what}.`).join(' ');
    throw new Problem(422, 'INVALID_FIELDS', message, fields);
  }

  function compare(left, right) {
    const [a, b] = [left, right].map((value) => (typeof value === 'string' ? value.toLowerCase() : value));
    return a === b ? 0 : a < b ? -1 : 1;
  }

  function list(model, query) {
    const words = (query.get('search') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const order = query.get('sort') ?? '-id';
    const sort = order.replace(/^-/, '');
    const direction = order.startsWith('-') ? -1 : 1;
    const texts = model.fields.filter(({ type }) => TEXT_TYPES.includes(type)).map(({ name }) => name);
    const found = load(model).records.filter((record) => {
      const all = texts.map((name) => record[name] ?? '').join('\n').toLowerCase();
      return words.every((word) => all.includes(word));
    });
    // Nothing comes last, whichever the direction; what is equal goes by age.
    found.sort((a, b) => {
      if ((a[sort] ?? null) === null || (b[sort] ?? null) === null) {
        const last = ((a[sort] ?? null) === null) - ((b[sort] ?? null) === null);
        if (last !== 0) return last;
      }
      return direction * (compare(a[sort], b[sort]) || a.id - b.id);
    });
    const perPage = Number(query.get('per_page') ?? 20);
    const page = Number(query.get('page') ?? 1);
    const items = found.slice((page - 1) * perPage, page * perPage);
    return { items, page, per_page: perPage, total: found.length, pages: Math.max(1, Math.ceil(found.length / perPage)) };
  }

  function answer(method, path, body) {
    const url = new URL(path, 'http://localhost');
    if (url.pathname === '/api/model') return [200, { entities: models }];
    const [, , plural, id] = url.pathname.split('/');
    const model = models.find((candidate) => candidate.plural === plural);
    if (!model) throw new Problem(404, 'NOT_FOUND', `There is nothing at ${url.pathname}.`);
    if (id === undefined && method === 'GET') return [200, list(model, url.searchParams)];
    const table = load(model);
    const now = new Date().toISOString();
    if (id === undefined) {
      const record = { id: table.next, ...checked(model, body, false), created_at: now, updated_at: now };
      keep(model, { next: table.next + 1, records: [...table.records, record] });
      return [201, record];
    }
    const record = table.records.find((candidate) => String(candidate.id) === id);
    if (!record) throw new Problem(404, 'NOT_FOUND', `There is no ${model.label.toLowerCase()} ${id}.`);
    if (method === 'GET') return [200, record];
    if (method === 'DELETE') {
      keep(model, { ...table, records: table.records.filter((candidate) => candidate !== record) });
      return [204, undefined];
    }
    Object.assign(record, checked(model, body, method === 'PATCH'), { updated_at: now });
    keep(model, table);
    return [200, record];
  }

  globalThis.answerRequest = async (path, { method = 'GET', body } = {}) => {
    models ??= (await (await fetch('/model.json')).json()).entities;
    const reply = (status, value) => ({ status, ok: status < 400, json: async () => value });
    try {
      return reply(...answer(method, path, body === undefined ? undefined : JSON.parse(body)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return reply(error.status, { error: error.message, code: error.code, fields: error.fields });
    }
  };
})();
