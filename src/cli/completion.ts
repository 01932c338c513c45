import type { Command } from 'commander'
import { UsageError } from './failure.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

/** A script that completes commands and options in a shell: `source <(gradus completion bash)`. */
export function completionScript(program: Command, shell: string): string {
  if (!(shells as readonly string[]).includes(shell)) {
    throw new UsageError(`there is no completion for '${shell}'; there are ${shells.join(', ')}`)
  }
  const words = wordsOf(program)
  return shell === 'fish' ? forFish(words) : forBash(words, shell as Shell)
}

/** Words that may follow each path of commands, such as `gradus train`. */
function wordsOf(program: Command, path: string = program.name()): [path: string, words: string[]][] {
  const names = program.commands.map((command) => command.name())
  const options = program.options.flatMap(({ long }) => long ?? [])
  const here: [string, string[]] = [path, [...names, ...options, '--help']]
  return [here, ...program.commands.flatMap((command) => wordsOf(command, `${path} ${command.name()}`))]
}

function forBash(words: readonly [string, readonly string[]][], shell: Shell): string {
  const cases = words.map(([path, list]) => `    '${path}') words='${list.join(' ')}' ;;`)
  return [
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_gradus() {',
    '  local path=gradus word words',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shell syntax.
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ $word == -* ]] || path="$path $word"; done',
    '  case "$path" in',
    ...cases,
    '  esac',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shell syntax.
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}") $(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o filenames -F _gradus gradus',
    '',
  ].join('\n')
}

function forFish(words: readonly [string, readonly string[]][]): string {
  const lines = words.flatMap(([path, list]) => {
    const before = path.split(' ').slice(1)
    const condition =
      before.length === 0
        ? '__fish_use_subcommand'
        : before.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ')
    return list.map((word) =>
      word.startsWith('--')
        ? `complete -c gradus -n '${condition}' -l ${word.slice(2)}`
        : `complete -c gradus -n '${condition}' -a ${word}`,
    )
  })
  return `${lines.join('\n')}\n`
}
