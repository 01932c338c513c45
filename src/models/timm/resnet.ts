import { resnet18, resnet34, resnet50, resnet101, resnet152 } from '../resnet.ts'
import { classesOf } from './arguments.ts'
import type { Family } from './family.ts'

const resnets: Readonly<Record<string, typeof resnet18>> = { resnet18, resnet34, resnet50, resnet101, resnet152 }

/** Residual networks, whose names in the model are timm's. */
export const resnetFamily: Family = {
  names: Object.keys(resnets),
  find(name) {
    const make = Object.hasOwn(resnets, name) ? resnets[name] : undefined
    return make && { make: (config) => make(classesOf(config)), head: 'fc' }
  },
}
