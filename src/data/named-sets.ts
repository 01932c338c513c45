import { FileError } from '../core/errors.ts'
import { concat } from '../tensor/joining.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { decodeCifar } from './cifar.ts'
import { downloadAndCache, type DownloadOptions, type RemoteFile } from './download.ts'
import { loadIdx } from './idx.ts'
import { imageDataset, type LabelledImages } from './image-dataset.ts'
import { readText } from './text-file.ts'

export interface NamedSetOptions extends DownloadOptions {
  /** A folder that holds the files already, packed or not; nothing is downloaded then. */
  readonly folder?: string
}

/** A set cut into what to train with and what to test on. */
export interface TrainAndTest {
  readonly train: LabelledImages
  readonly test: LabelledImages
}

/** The four files of MNIST and of sets made like it: SHA-256 of training images, training labels, test images, test labels. */
type Sums = readonly [string, string, string, string]

const names = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']

/** 60,000 and 10,000 handwritten digits, 28 × 28 (LeCun, Cortes & Burges 1998); 11 MB are downloaded once. */
export function mnist(options: NamedSetOptions = {}): Promise<TrainAndTest> {
  const mirrors = [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
  ]
  return idxSet('mnist', mirrors, options, [
    '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
    '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
    '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
    'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
  ])
}

/** What the classes of {@link fashionMnist} are. */
export const fashionClasses: readonly string[] = [
  ...['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
]

/** Where Debian's package `dataset-fashion-mnist` puts its files. */
const debianFolder = '/usr/share/datasets/fashion-mnist'

/**
 * 60,000 and 10,000 pictures of clothes, 28 × 28, ten classes (Xiao, Rasul & Vollgraf, "Fashion-MNIST", 2017); 30 MB are
 * downloaded once. Debian's package `dataset-fashion-mnist` is used where it is installed.
 */
export async function fashionMnist(options: NamedSetOptions = {}): Promise<TrainAndTest> {
  const { existsSync } = await import('node:fs')
  const folder = options.folder ?? (existsSync(debianFolder) ? debianFolder : undefined)
  const mirrors = [
    'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/',
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  ]
  return idxSet('fashion-mnist', mirrors, { ...options, ...(folder !== undefined && { folder }) }, [
    '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
    'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
    '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
    '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
  ])
}

async function idxSet(
  set: string,
  mirrors: readonly string[],
  options: NamedSetOptions,
  sums: Sums,
): Promise<TrainAndTest> {
  const files: Tensor[] = []
  for (const [i, name] of names.entries()) {
    const packed = `${name}.gz`
    const remote = { name: `${set}-${packed}`, urls: mirrors.map((mirror) => mirror + packed), sha256: sums[i]! }
    files.push(await loadIdx(await fileOf(options, [name, packed], remote)))
  }
  const images = (part: number): LabelledImages => {
    const [count, height, width] = files[part]!.shape as [number, number, number]
    return imageDataset(files[part]!.reshape(count, 1, height, width), files[part + 1]!)
  }
  return { train: images(0), test: images(2) }
}

const cifarArchive: RemoteFile = {
  name: 'cifar-10-binary.tar.gz',
  urls: ['https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz'],
  sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
}

/** What the classes of {@link cifar10} are. */
export const cifar10Classes: readonly string[] = [
  ...['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
]

/** 50,000 and 10,000 colour pictures, 32 × 32, ten classes (Krizhevsky 2009); 170 MB are downloaded once. */
export async function cifar10(options: NamedSetOptions = {}): Promise<TrainAndTest> {
  const [{ parseTarGzip }, { readFile }] = await Promise.all([import('nanotar'), import('node:fs/promises')])
  const path = await fileOf(options, [cifarArchive.name], cifarArchive)
  const entries = await parseTarGzip(await readFile(path))
  const batches = (pattern: RegExp): LabelledImages => {
    const found = entries.filter(({ name }) => pattern.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1))
    if (found.length === 0) throw new FileError('cifar10', `${path}: the archive has no ${pattern.source}`)
    const parts = found.map(({ name, data }) => decodeCifar(data ?? new Uint8Array(), {}, name))
    return imageDataset(concat(parts.map(({ images }) => images)), concat(parts.map(({ labels }) => labels)))
  }
  return { train: batches(/data_batch_\d\.bin$/), test: batches(/test_batch\.bin$/) }
}

/** The works of Shakespeare in one text of 1.1 million characters (Karpathy's char-rnn); downloaded once. */
export async function tinyShakespeare(options: NamedSetOptions = {}): Promise<string> {
  const name = 'tinyshakespeare.txt'
  return readText(
    await fileOf(options, [name, 'input.txt'], {
      name,
      urls: ['https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt'],
      sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
    }),
  )
}

/** A file of the given folder under one of its names, or from the cache. */
async function fileOf(
  { folder, ...options }: NamedSetOptions,
  wanted: readonly string[],
  remote: RemoteFile,
): Promise<string> {
  if (folder === undefined) return downloadAndCache(remote, options)
  const [{ existsSync }, { join }] = await Promise.all([import('node:fs'), import('node:path')])
  const found = wanted.map((name) => join(folder, name)).find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new FileError('data', `${folder} has no ${wanted.join(' and no ')}`)
}
