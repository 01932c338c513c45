import * as v from 'valibot'
import { type CommonSettings, commonSettings, setting } from '../recipes/settings.ts'

/** What every fine-tuning can be told beside the common settings. */
export interface TuningSettings extends CommonSettings {
  /** The folder or file with the data. */
  readonly data: string
  /** The pretrained model: a repository of the hub, a folder or a file of weights. */
  readonly from: string
  readonly revision?: string | undefined
  readonly headLr: number
  readonly freeze: string
  readonly linearProbe: boolean
}

type Schemas<S> = { readonly [Name in keyof S]-?: v.GenericSchema<unknown, S[Name]> }

/** Settings of a fine-tuning with a recipe's own defaults; `data` describes the data. */
export function tuningSettings(
  data: string,
  { headLr, ...defaults }: { epochs: number; batchSize: number; lr: number; headLr: number },
): Schemas<TuningSettings> {
  const { epochs, batchSize, lr: _, ...others } = commonSettings(defaults)
  return {
    data: setting.text(data),
    from: setting.text('the pretrained model: organisation/name on the hub, a folder, or a file of weights'),
    revision: v.optional(setting.text('branch, tag or commit of the repository')),
    ...{ epochs, batchSize },
    lr: v.optional(
      setting.positive('first learning rate of pretrained weights; half a cosine takes it to 0'),
      defaults.lr,
    ),
    headLr: v.optional(setting.positive('first learning rate of the new last layer, and of adapters'), headLr),
    freeze: v.optional(setting.text('parts that keep their weights, with commas between; body: all but the head'), ''),
    linearProbe: v.optional(setting.flag('train the last layer alone, on features that are computed once'), false),
    ...others,
  } as Schemas<TuningSettings>
}

/** Names between commas. */
export function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
