// The evaluator, by table.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CalculatorError, evaluate, MAX_DEPTH, MAX_LENGTH } from '../src/calculator.js';

const values = {
  '7*6': 42,
  '1 + 2 * 3': 7,
  '(1 + 2) * 3': 9,
  '10 - 4 - 3': 3,
  '100 / 10 / 5': 2,
  '7 % 4': 3,
  '-7 % 4': -3,
  '2 * 7 % 4': 2,
  '2 ^ 10': 1024,
  '2 ^ 3 ^ 2': 512,
  '-2 ^ 2': -4,
  '(-2) ^ 2': 4,
  '2 ^ -1': 0.5,
  '--5': 5,
  '+5 - -5': 10,
  '3 * -4': -12,
  '0.1 + 0.2': 0.3,
  '.5 + 5.': 5.5,
  '1.5e3': 1500,
  '2E-2': 0.02,
  '6 ÷ 4 × 2 − 1': 2,
  '((((1))))': 1,
  ' \t7\n': 7,
  '-0': 0,
  '1/3': 0.333333333333333,
};

const faults = {
  '': ['EMPTY', 1],
  '   ': ['EMPTY', 1],
  '1 +': ['INCOMPLETE', 4],
  '* 2': ['UNEXPECTED', 1],
  '1 2': ['UNEXPECTED', 3],
  '2(3)': ['UNEXPECTED', 2],
  '(1 + 2': ['UNCLOSED', 1],
  '(1 2)': ['UNEXPECTED', 4],
  '1)': ['UNEXPECTED', 2],
  '()': ['UNEXPECTED', 2],
  '1 / 0': ['DIVISION_BY_ZERO', 3],
  '5 % (2 - 2)': ['DIVISION_BY_ZERO', 3],
  '0 ^ -1': ['DIVISION_BY_ZERO', 3],
  '9 ^ 999': ['TOO_LARGE', 1],
  '(-8) ^ 0.5': ['NOT_A_NUMBER', 1],
  '1.2.3': ['UNEXPECTED', 4],
  '2e': ['UNKNOWN_CHARACTER', 2],
  'process.exit()': ['UNKNOWN_CHARACTER', 1],
  '1 + 😀': ['UNKNOWN_CHARACTER', 5],
};

describe('evaluate', () => {
  for (const [expression, value] of Object.entries(values)) {
    it(`${JSON.stringify(expression)} is ${value}`, () => assert.equal(evaluate(expression), value));
  }

  for (const [expression, [code, position]] of Object.entries(faults)) {
    it(`${JSON.stringify(expression)} is refused: ${code}`, () => {
      assert.throws(
        () => evaluate(expression),
        (error) => error instanceof CalculatorError && error.code === code && error.position === position,
      );
    });
  }

  it('has limits', () => {
    assert.throws(() => evaluate('1'.repeat(MAX_LENGTH + 1)), { code: 'TOO_LONG' });
    assert.throws(() => evaluate('('.repeat(MAX_DEPTH + 1)), { code: 'TOO_DEEP' });
    assert.throws(() => evaluate('-'.repeat(MAX_LENGTH - 1)), { code: 'TOO_DEEP' });
    assert.throws(() => evaluate('2^'.repeat(400)), { code: 'TOO_DEEP' });
    assert.equal(evaluate(`${'('.repeat(MAX_DEPTH)}1${')'.repeat(MAX_DEPTH)}`), 1);
    assert.throws(() => evaluate(7), { code: 'EMPTY' });
  });
});
