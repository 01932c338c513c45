/** How long to wait before looking again whether another process has finished. */
const pause = 50

/**
 * Runs `work` while no other process does the same for `path`. The lock is a file with the number of the process that holds
 * it; one whose process has ended is taken over.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const { rm } = await import('node:fs/promises')
  while (!(await take(path))) {
    signal?.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function take(path: string): Promise<boolean> {
  const { link, readFile, rm, writeFile } = await import('node:fs/promises')
  // A link appears with its content, so nobody reads a lock without a holder.
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  await writeFile(own, String(process.pid))
  try {
    await link(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    if (holder > 0 && !isAlive(holder)) await rm(path, { force: true })
    return false
  } finally {
    await rm(own, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
