/** A fenced block of TypeScript in a Markdown page. */
export interface Snippet {
  /** Line of the opening fence, from 1. */
  line: number
  code: string
}

/** The ```` ```ts ```` blocks of a Markdown page, in order. Each must stand alone: it is run as a module of its own. */
export function typescriptSnippets(markdown: string): Snippet[] {
  const snippets: Snippet[] = []
  let open: { fence: string; snippet: Snippet | undefined } | undefined
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const fence = /^\s*(`{3,}|~{3,})\s*(\S*)/.exec(text)
    if (!open && fence?.[1] !== undefined) {
      const isTypescript = fence[2] === 'ts' || fence[2] === 'typescript'
      open = { fence: fence[1], snippet: isTypescript ? { line: index + 1, code: '' } : undefined }
    } else if (open && text.trim() === open.fence) {
      if (open.snippet) snippets.push(open.snippet)
      open = undefined
    } else if (open?.snippet) {
      open.snippet.code += `${text}\n`
    }
  }
  if (open) throw new SyntaxError(`a code block is never closed: expected ${open.fence}`)
  return snippets
}
