import { withGrad } from '../../graph/node.ts'
import type { Layer } from '../../nn/module.ts'
import type { Callback } from '../fit-options.ts'
import { type Hyperparameters, SummaryWriter } from './event-file.ts'

export interface TensorBoardOptions {
  /** Settings to compare runs by. */
  readonly hparams?: Hyperparameters
  /** Whether histograms of all parameters follow each epoch. Default false. */
  readonly histograms?: boolean
}

/** Logs a training for TensorBoard: loss, metrics and learning rate by step, figures of training and validation by epoch. */
export function tensorBoard(folder: string, { hparams, histograms = false }: TensorBoardOptions = {}): Callback {
  const writer = new SummaryWriter(folder)
  let model: Layer | undefined
  let steps = 0
  return {
    onTrainBegin(training) {
      model = training.model
      if (hparams) writer.addHparams(hparams, ['loss/train', 'loss/validation'])
    },
    onStep({ totalSteps, recent, lr }) {
      steps = totalSteps
      writer.addScalars('step', recent, totalSteps)
      writer.addScalar('lr', lr, totalSteps)
    },
    onValidation({ figures, totalSteps }) {
      for (const [name, value] of Object.entries(figures)) writer.addScalar(`${name}/validation`, value, totalSteps)
    },
    async onEpoch({ train }) {
      for (const [name, value] of Object.entries(train)) writer.addScalar(`${name}/train`, value, steps)
      if (histograms && model) {
        for (const [name, parameter] of model.namedParameters()) {
          writer.addHistogram(name, await withGrad(false, () => parameter.data()), steps)
        }
      }
      await writer.flush()
    },
    onTrainEnd: () => writer.flush(),
  }
}
