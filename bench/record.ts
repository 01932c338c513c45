/**
 * What recording costs: nanoseconds a node for the forward and backward pass of a step, of which nothing is computed
 * (`npm run ts bench/record.ts`). The design asks for 100 to 300.
 */
import { F, nn, type Tensor, zeros } from 'gradus'
import { constant } from '../src/graph/ops/leaves.ts'
import type { Layer } from '../src/nn/module.ts'
import { withoutTrace } from '../src/runtime/realize.ts'

const [rounds, steps] = [30, 300]

/** Nodes are numbered as they are made. */
function nodesSoFar(): number {
  return constant(0).id
}

function measure(name: string, model: Layer, x: Tensor): void {
  const labels = zeros([x.shape[0]!], { dtype: 'int32' })
  const record = (): void => {
    F.crossEntropy(model.forward(x), labels).backward()
    for (const parameter of model.parameters()) parameter.grad = undefined
  }
  let best = Number.POSITIVE_INFINITY
  let nodes = 0
  for (let round = 0; round < rounds; round++) {
    const first = nodesSoFar()
    // Processor time, not the clock: other processes would count otherwise.
    const start = process.cpuUsage().user
    for (let step = 0; step < steps; step++) withoutTrace(record)
    best = Math.min(best, (process.cpuUsage().user - start) / steps)
    nodes = (nodesSoFar() - first - 1) / steps
  }
  const perNode = ((best * 1000) / nodes).toFixed(0)
  console.log(`${name}: ${nodes} nodes a step, ${perNode} ns a node, ${best.toFixed(1)} µs a step`)
}

const perceptron = new nn.Sequential(
  new nn.Linear(784, 512),
  new nn.ReLU(),
  new nn.Linear(512, 256),
  new nn.ReLU(),
  new nn.Linear(256, 128),
  new nn.ReLU(),
  new nn.Linear(128, 10),
)
const lenet = new nn.Sequential(
  new nn.Conv2d(1, 6, 5, { padding: 2 }),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Conv2d(6, 16, 5),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Linear(400, 120),
  new nn.ReLU(),
  new nn.Linear(120, 84),
  new nn.ReLU(),
  new nn.Linear(84, 10),
)
measure('perceptron of 4 layers', perceptron, zeros([32, 784]))
measure('LeNet', lenet, zeros([32, 1, 28, 28]))
