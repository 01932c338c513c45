/** An image folder for worker threads. */
import { type ImageFolder, imageFolder } from '../../src/data/image-folder.ts'

export function dataset({ folder }: { folder: string }): Promise<ImageFolder> {
  return imageFolder(folder, { size: [24, 32] })
}
