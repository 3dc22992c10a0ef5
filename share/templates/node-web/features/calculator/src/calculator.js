// Evaluates arithmetic expressions: + - * / % ^, parentheses, signs, decimals and exponents (1.5e3).
//
//   expression = term { ("+" | "-") term }
//   term       = factor { ("*" | "/" | "%") factor }
//   factor     = ("+" | "-") factor | power
//   power      = primary [ "^" factor ]            right-associative, binds tighter than a sign: -2^2 is -4
//   primary    = number | "(" expression ")"
//
// Nothing is executed: the text is read by a recursive-descent parser that knows nothing else.

export const MAX_LENGTH = 1000;
export const MAX_DEPTH = 100;

const SYNONYMS = { '×': '*', '·': '*', '÷': '/', '−': '-', '–': '-' };
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;

/** What is wrong with an expression, and where: `position` counts characters from 1. */
export class CalculatorError extends Error {
  constructor(code, message, position) {
    super(message);
    this.name = 'CalculatorError';
    this.code = code;
    this.position = position;
  }
}

/**
 * Computes the value of an expression.
 * The result is rounded to 15 significant digits, so that 0.1 + 0.2 is 0.3.
 */
export function evaluate(expression) {
  if (typeof expression !== 'string' || expression.trim() === '') {
    throw new CalculatorError('EMPTY', 'Type an expression, such as 7*6.', 1);
  }
  if (expression.length > MAX_LENGTH) {
    throw new CalculatorError('TOO_LONG', `An expression has at most ${MAX_LENGTH} characters.`, MAX_LENGTH + 1);
  }
  const parser = new Parser(tokenize(expression));
  const value = parser.expression(0);
  const rest = parser.peek();
  if (rest.type !== 'end') throw unexpected(rest);
  return finish(value);
}

function finish(value) {
  if (Number.isNaN(value)) throw new CalculatorError('NOT_A_NUMBER', 'The result is not a real number.', 1);
  if (!Number.isFinite(value)) throw new CalculatorError('TOO_LARGE', 'The result is too large.', 1);
  const rounded = Number(value.toPrecision(15));
  return rounded === 0 ? 0 : rounded;
}

function tokenize(text) {
  const tokens = [];
  let at = 0;
  while (at < text.length) {
    const character = SYNONYMS[text[at]] ?? text[at];
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(text);
    if (number) {
      tokens.push({ type: 'number', text: number[0], value: Number(number[0]), position: at + 1 });
      at += number[0].length;
    } else if ('+-*/%^()'.includes(character)) {
      tokens.push({ type: character, text: text[at], position: at + 1 });
      at += 1;
    } else if (/\s/.test(character)) {
      at += 1;
    } else {
      const shown = String.fromCodePoint(text.codePointAt(at));
      throw new CalculatorError('UNKNOWN_CHARACTER', `"${shown}" is not part of arithmetic.`, at + 1);
    }
  }
  tokens.push({ type: 'end', text: '', position: text.length + 1 });
  return tokens;
}

function unexpected(token) {
  if (token.type === 'end') {
    return new CalculatorError('INCOMPLETE', 'The expression ends too early.', token.position);
  }
  if (token.type === ')') {
    return new CalculatorError('UNEXPECTED', 'A closing parenthesis has no partner, or nothing before it.', token.position);
  }
  return new CalculatorError('UNEXPECTED', `"${token.text}" was not expected here.`, token.position);
}

class Parser {
  #tokens;
  #next = 0;

  constructor(tokens) {
    this.#tokens = tokens;
  }

  peek() {
    return this.#tokens[this.#next];
  }

  take(...types) {
    return types.includes(this.peek().type) ? this.#tokens[this.#next++] : undefined;
  }

  expression(depth) {
    let left = this.term(depth);
    for (let sign = this.take('+', '-'); sign; sign = this.take('+', '-')) {
      const right = this.term(depth);
      left = sign.type === '+' ? left + right : left - right;
    }
    return left;
  }

  term(depth) {
    let left = this.factor(depth);
    for (let sign = this.take('*', '/', '%'); sign; sign = this.take('*', '/', '%')) {
      const right = this.factor(depth);
      if (sign.type === '*') left *= right;
      else if (right === 0) throw new CalculatorError('DIVISION_BY_ZERO', 'Division by zero.', sign.position);
      else left = sign.type === '/' ? left / right : left % right;
    }
    return left;
  }

  factor(depth) {
    if (depth > MAX_DEPTH) {
      throw new CalculatorError('TOO_DEEP', `At most ${MAX_DEPTH} levels can be nested.`, this.peek().position);
    }
    const sign = this.take('+', '-');
    if (!sign) return this.power(depth);
    const value = this.factor(depth + 1);
    return sign.type === '-' ? -value : value;
  }

  power(depth) {
    const base = this.primary(depth);
    const sign = this.take('^');
    if (!sign) return base;
    const exponent = this.factor(depth + 1);
    if (base === 0 && exponent < 0) throw new CalculatorError('DIVISION_BY_ZERO', 'Division by zero.', sign.position);
    return base ** exponent;
  }

  primary(depth) {
    const number = this.take('number');
    if (number) return number.value;
    const open = this.take('(');
    if (!open) throw unexpected(this.peek());
    const value = this.expression(depth + 1);
    if (this.take(')')) return value;
    if (this.peek().type !== 'end') throw unexpected(this.peek());
    throw new CalculatorError('UNCLOSED', 'A parenthesis is not closed.', open.position);
  }
}
