import { describe, expect, test } from 'vitest'
import { floorDivide, fmod, greatestCommonDivisor, integerPower, power, remainder } from './arithmetic.ts'

describe('quotients and remainders', () => {
  test.each([
    [7, 3, 2, 1, 1],
    [-7, 3, -3, 2, -1],
    [7, -3, -3, -2, 1],
    [-7, -3, 2, -1, -1],
    [6, 3, 2, 0, 0],
    [1, 0.1, 9, 1 % 0.1, 1 % 0.1],
    [-1, Number.POSITIVE_INFINITY, -1, Number.POSITIVE_INFINITY, -1],
  ])('of %s by %s: quotient %s, remainder %s, fmod %s', (a, b, quotient, r, f) => {
    expect([floorDivide(a, b), remainder(a, b), fmod(a, b)]).toEqual([quotient, r, f])
  })

  test('by zero', () => {
    expect([floorDivide(1, 0), floorDivide(-1, 0), floorDivide(0, 0)]).toEqual([Infinity, -Infinity, NaN])
    expect([remainder(1, 0), fmod(1, 0)]).toEqual([NaN, NaN])
  })
})

describe('powers', () => {
  test('follow C where ECMAScript does not', () => {
    expect([power(1, NaN), power(1, Infinity), power(-1, Infinity), power(-1, -Infinity)]).toEqual([1, 1, 1, 1])
    expect([power(NaN, 0), power(0, -1), power(-8, 1 / 3), power(2, -2)]).toEqual([1, Infinity, NaN, 0.25])
  })

  test('of integers wrap exactly', () => {
    expect(integerPower(3, 40)).toBe(Number(BigInt.asIntN(32, 3n ** 40n)))
    expect(integerPower(-7, 31)).toBe(Number(BigInt.asIntN(32, (-7n) ** 31n)))
    expect([integerPower(0, 0), integerPower(5, 1), integerPower(2, 32)]).toEqual([1, 5, 0])
  })

  test('of integers to negative exponents are truncated', () => {
    expect([
      integerPower(1, -3),
      integerPower(-1, -3),
      integerPower(-1, -2),
      integerPower(2, -1),
      integerPower(0, -1),
    ]).toEqual([1, -1, 1, 0, 0])
  })
})

test('greatest common divisors are never negative', () => {
  expect([
    greatestCommonDivisor(12, 18),
    greatestCommonDivisor(-12, 18),
    greatestCommonDivisor(0, -5),
    greatestCommonDivisor(0, 0),
  ]).toEqual([6, 6, 5, 0])
})
