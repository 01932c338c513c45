/**
 * A hub to try the command with, by hand: google-bert/bert-base-uncased and timm/resnet18.a1_in1k with random weights, in their sizes and files;
 * small ones in the form of GPT-2 and Llama.
 * `npm run ts test/hub/serve.ts [words.txt]`, then `HF_ENDPOINT=... HF_HUB_CACHE=... gradus finetune ...` elsewhere.
 */
import { readFile } from 'node:fs/promises'
import { manualSeed } from '../../src/tensor/random.ts'
import { publishBert, publishGpt2, publishLlama, publishResnet18 } from './repositories.ts'
import { hubServer } from './server.ts'

const [path] = process.argv.slice(2)
const text = path === undefined ? '' : (await readFile(path, 'utf8')).toLowerCase()
const words = [...new Set(text.match(/[a-z]+|[^\sa-z]/g))].slice(0, 30_000)

manualSeed(0)
const server = await hubServer()
await publishBert(server, 'google-bert/bert-base-uncased', words)
await publishResnet18(server, 'timm/resnet18.a1_in1k', 224)
await publishGpt2(server, 'gradus/small-gpt2', { n_embd: 64, n_layer: 2, n_head: 4 })
const llama = { hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2 }
await publishLlama(server, 'gradus/small-llama', { ...llama, num_attention_heads: 4, num_key_value_heads: 2 })
process.stdout.write(`HF_ENDPOINT=${server.url}\n`)
