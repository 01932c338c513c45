import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

/** Eight pictures of leaves and eight of the sky, in one folder each, that their colours tell apart. */
export async function writePictures(path: string): Promise<void> {
  for (const [name, background] of Object.entries({ leaf: '#2a2', sky: '#38f' })) {
    await mkdir(join(path, name), { recursive: true })
    for (let i = 0; i < 8; i++) {
      const picture = sharp({ create: { width: 40 + i, height: 36, channels: 3, background } })
      await picture.png().toFile(join(path, name, `${i}.png`))
    }
  }
}
