import { nn, type Tensor } from 'gradus'

/** A recurrent layer over sequences [N, T, inputs], and what it last gave through a linear layer: [N, classes]. */
export class Recurrent extends nn.Module {
  r: nn.LSTM | nn.GRU
  o: nn.Linear

  constructor(cell: 'LSTM' | 'GRU', inputs: number, hidden: number, classes: number) {
    super()
    this.r = new nn[cell](inputs, hidden, { batchFirst: true })
    this.o = new nn.Linear(hidden, classes)
  }

  forward(x: Tensor): Tensor {
    const [states] = this.r.forward(x)
    return this.o.forward(states.select(1, -1))
  }
}
