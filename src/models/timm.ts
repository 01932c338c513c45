import type { Settings } from '../io/settings.ts'
import type { Architecture } from './architecture.ts'
import { convnextFamily } from './timm/convnext.ts'
import type { Family } from './timm/family.ts'
import { efficientnetFamily, mobilenetV2Family, mobilenetV3Family } from './timm/mobile.ts'
import { resnetFamily } from './timm/resnet.ts'
import { vggFamily } from './timm/vgg.ts'
import { vitFamily } from './timm/vit.ts'

/** Networks for images by the names that timm gives them in `config.json`. */

const families: readonly Family[] = [
  ...[resnetFamily, vitFamily, convnextFamily, vggFamily],
  ...[mobilenetV2Family, mobilenetV3Family, efficientnetFamily],
]

/** The network that timm calls `name`, if it is one of {@link families}. */
export function findTimm(name: string): Architecture | undefined {
  for (const family of families) {
    const found = family.find(name)
    if (found) return found
  }
  return undefined
}

/** The network that timm calls `name`. Throws what `config` fails with when there is none. */
export function timmArchitecture(name: string, config: Settings): Architecture {
  const found = findTimm(name)
  if (found) return found
  const known = families.flatMap(({ names }) => names)
  throw config.fail(`architecture '${name}' is not known; known are ${known.join(', ')}`)
}
