import type { Settings } from '../../io/settings.ts'
import type { ClassifierOptions } from '../options.ts'

/** Classes and channels of the images that a configuration names. Throws when it is one of features, without classes. */
export function classesOf(config: Settings): Required<ClassifierOptions> {
  const numClasses = config.number('num_labels', config.number('num_classes', 1000))
  if (numClasses < 1)
    throw config.fail(`num_classes is ${numClasses}: the network has no head; give it one by numLabels`)
  return { numClasses, inChannels: config.number('in_chans', 3) }
}

/** What `model_args` change about a network. Throws when they name anything but `known`. */
export function changes(config: Settings, known: readonly string[] = []): Settings {
  const args = config.record('model_args')
  const other = args.names.find((name) => !known.includes(name))
  if (other === undefined) return args
  throw args.fail(`${other} is not supported; expected ${known.length > 0 ? known.join(', ') : 'none'}`)
}
