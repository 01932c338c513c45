import { softplus } from '../../nn/functional/activations.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Functions of one tensor that TensorFlow and ONNX call the same. */
export const elementwise: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  Abs: (x) => x.abs(),
  Acos: (x) => x.acos(),
  Acosh: (x) => x.acosh(),
  Asin: (x) => x.asin(),
  Asinh: (x) => x.asinh(),
  Atan: (x) => x.atan(),
  Atanh: (x) => x.atanh(),
  Ceil: (x) => x.ceil(),
  Cos: (x) => x.cos(),
  Cosh: (x) => x.cosh(),
  Erf: (x) => x.erf(),
  Exp: (x) => x.exp(),
  Floor: (x) => x.floor(),
  Identity: (x) => x,
  Log: (x) => x.log(),
  Neg: (x) => x.neg(),
  Reciprocal: (x) => x.reciprocal(),
  Relu: (x) => x.relu(),
  Round: (x) => x.round(),
  Sigmoid: (x) => x.sigmoid(),
  Sign: (x) => x.sign(),
  Sin: (x) => x.sin(),
  Sinh: (x) => x.sinh(),
  Softplus: (x) => softplus(x),
  Sqrt: (x) => x.sqrt(),
  Tan: (x) => x.tan(),
  Tanh: (x) => x.tanh(),
}
