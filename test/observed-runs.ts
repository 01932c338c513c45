import type { Node } from '../src/graph/node.ts'
import { device, registerTarget, setDevice } from '../src/runtime/device.ts'

/** Shows `look` the roots of every realisation from now on, before the device that was chosen so far computes them. */
export function observeRuns(look: (roots: readonly Node[]) => void): void {
  const chosen = device()
  const observed = Object.create(chosen, {
    name: { value: 'observed' },
    // What runs beside the program is run at once.
    launch: { value: undefined },
    run: {
      value: (roots: readonly Node[]) => {
        look(roots)
        return chosen.run(roots)
      },
    },
  }) as typeof chosen
  registerTarget(observed)
  setDevice('observed')
}
