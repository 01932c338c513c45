import type { Settings } from '../io/settings.ts'
import type { Module } from '../nn/module.ts'
import type { Architecture } from './architecture.ts'
import * as bert from './text/bert.ts'
import * as distilbert from './text/distilbert.ts'
import * as gpt2 from './text/gpt2.ts'
import type { Head } from './text/heads.ts'
import * as llama from './text/llama.ts'
import * as roberta from './text/roberta.ts'
import { timmArchitecture } from './timm.ts'

interface Family {
  readonly root: string
  /** Where one of them has another name for the network. */
  readonly roots?: Partial<Record<Head, string>>
  readonly heads: Partial<Record<Head, (config: Settings) => Module>>
}

/** Networks for text by `model_type`, and their heads. */
const text: Readonly<Record<string, Family>> = {
  bert: {
    root: 'bert',
    heads: {
      none: (config) => new bert.BertModel(config),
      maskedLM: (config) => new bert.BertForMaskedLM(config),
      sequenceClassification: (config) => new bert.BertForSequenceClassification(config),
      tokenClassification: (config) => new bert.BertForTokenClassification(config),
      questionAnswering: (config) => new bert.BertForQuestionAnswering(config),
    },
  },
  roberta: {
    root: 'roberta',
    heads: {
      none: (config) => new bert.BertModel(config, { family: 'roberta' }),
      maskedLM: (config) => new roberta.RobertaForMaskedLM(config),
      sequenceClassification: (config) => new roberta.RobertaForSequenceClassification(config),
      tokenClassification: (config) => new roberta.RobertaForTokenClassification(config),
      questionAnswering: (config) => new roberta.RobertaForQuestionAnswering(config),
    },
  },
  distilbert: {
    root: 'distilbert',
    heads: {
      none: (config) => new distilbert.DistilBertModel(config),
      maskedLM: (config) => new distilbert.DistilBertForMaskedLM(config),
      sequenceClassification: (config) => new distilbert.DistilBertForSequenceClassification(config),
      tokenClassification: (config) => new distilbert.DistilBertForTokenClassification(config),
      questionAnswering: (config) => new distilbert.DistilBertForQuestionAnswering(config),
    },
  },
  gpt2: {
    root: 'transformer',
    heads: {
      none: (config) => new gpt2.Gpt2Model(config),
      causalLM: (config) => new gpt2.Gpt2ForCausalLM(config),
      sequenceClassification: (config) => new gpt2.Gpt2ForSequenceClassification(config),
      tokenClassification: (config) => new gpt2.Gpt2ForTokenClassification(config),
      questionAnswering: (config) => new gpt2.Gpt2ForQuestionAnswering(config),
    },
  },
  llama: {
    root: 'model',
    roots: { questionAnswering: 'transformer' },
    heads: {
      none: (config) => new llama.LlamaModel(config),
      causalLM: (config) => new llama.LlamaForCausalLM(config),
      sequenceClassification: (config) => new llama.LlamaForSequenceClassification(config),
      tokenClassification: (config) => new llama.LlamaForTokenClassification(config),
      questionAnswering: (config) => new llama.LlamaForQuestionAnswering(config),
    },
  },
}

/** What `architectures` says of the head, by the end of the class's name in transformers. */
const headsByName: Readonly<Record<string, Head>> = {
  ForMaskedLM: 'maskedLM',
  ForPreTraining: 'maskedLM',
  ForCausalLM: 'causalLM',
  LMHeadModel: 'causalLM',
  ForSequenceClassification: 'sequenceClassification',
  ForTokenClassification: 'tokenClassification',
  ForQuestionAnswering: 'questionAnswering',
  Model: 'none',
}

/** The network that `config` describes, with the head it names or another one. */
export function architectureOf(config: Settings, named: readonly unknown[], wanted: Head | undefined): Architecture {
  const image = config.text('architecture', '')
  if (image !== '') return timmArchitecture(image, config)
  const type = config.text('model_type')
  const family = Object.hasOwn(text, type) ? text[type] : undefined
  if (!family) throw config.fail(`model_type '${type}' is not known; known are ${Object.keys(text).join(', ')}`)
  const head = wanted ?? headNamed(named) ?? 'none'
  const make = family.heads[head]
  if (!make) throw config.fail(`${type} has no head '${head}'; it has ${Object.keys(family.heads).join(', ')}`)
  const { root, roots = {} } = family
  return { make, roots: [...new Set([roots[head] ?? root, root, ...Object.values(roots)])] }
}

/** What transformers calls the class of a network for text. */
export function classInTransformers(model: Module): string {
  return model.constructor.name.replace('Gpt2ForCausalLM', 'GPT2LMHeadModel').replace(/^Gpt2/, 'GPT2')
}

function headNamed([name]: readonly unknown[]): Head | undefined {
  if (typeof name !== 'string') return undefined
  const end = Object.keys(headsByName).find((ending) => name.endsWith(ending))
  return end === undefined ? undefined : headsByName[end]
}
