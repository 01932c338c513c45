/** Elementwise functions that cost more than reading a stored value. */
export const transcendental: ReadonlySet<string> = new Set([
  ...[
    'exp',
    'exp2',
    'expm1',
    'log',
    'log1p',
    'log2',
    'log10',
    'sin',
    'cos',
    'tan',
    'asin',
    'acos',
    'atan',
    'sinh',
    'cosh',
  ],
  ...['tanh', 'asinh', 'acosh', 'atanh', 'sigmoid', 'erf', 'erfc', 'erfinv', 'lgamma', 'digamma', 'pow', 'atan2'],
])
