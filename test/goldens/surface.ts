import { readdirSync, readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'vite'
import * as gradus from '../../src/index.ts'
import { Tensor } from '../../src/tensor/tensor.ts'

/** Members that the sources of tensors declare `private` or `protected`: TypeScript hides them, JavaScript does not. */
function hiddenMembers(): Set<string> {
  const folder = new URL('../../src/tensor/', import.meta.url)
  const hidden = new Set<string>()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
    const { program } = parseSync(file, readFileSync(new URL(file, folder), 'utf8'))
    new Visitor({
      MethodDefinition({ key, accessibility }) {
        if (key.type === 'Identifier' && (accessibility === 'private' || accessibility === 'protected')) {
          hidden.add(key.name)
        }
      },
    }).visit(program)
  }
  return hidden
}

/** Methods of tensors, and the getters of their properties. */
function tensorMembers(): Map<string, unknown> {
  const hidden = hiddenMembers()
  const members = new Map<string, unknown>()
  for (let level = Tensor.prototype as object; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (name === 'constructor' || hidden.has(name) || members.has(`Tensor.${name}`)) continue
      members.set(`Tensor.${name}`, value ?? get)
    }
  }
  return members
}

/** Functions and classes of a namespace and of those inside it, by their path. */
function exportsOf(namespace: object, prefix: string): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [name, value] of Object.entries(namespace)) {
    if (typeof value === 'function') found.set(`${prefix}${name}`, value)
    else if (isNamespace(value))
      for (const [path, inner] of exportsOf(value, `${prefix}${name}.`)) found.set(path, inner)
  }
  return found
}

function isNamespace(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Module]'
}

/**
 * All that users can call, by the path they write: `Tensor.sum`, `F.relu`, `nn.Conv2d`, `nn.init.zeros`, `optim.Adam`,
 * `where`. What is reached by several paths is listed under each.
 */
export function publicSurface(): Map<string, unknown> {
  return new Map([...tensorMembers(), ...exportsOf(gradus, '')])
}
