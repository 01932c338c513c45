import { ValueError } from '../../core/errors.ts'
import type { Schedulable, SchedulableGroup } from './scheduler.ts'

/** Throws a {@link ValueError} unless every group has a momentum that can be cycled. */
export function checkHasMomentum(op: string, { paramGroups }: Schedulable): void {
  for (const group of paramGroups) {
    if (group.betas === undefined && group.momentum === undefined) {
      throw new ValueError(op, 'the optimizer has neither momentum nor betas to cycle; pass { cycleMomentum: false }')
    }
  }
}

/** Sets the momentum of a group: β₁ where there are betas. */
export function setMomentum(group: SchedulableGroup, momentum: number): void {
  if (group.betas) group.betas = [momentum, group.betas[1]]
  else group.momentum = momentum
}
