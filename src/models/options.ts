/** What all image classifiers let one choose. */
export interface ClassifierOptions {
  /** Width of the last layer. Default 1000, the classes of ImageNet. */
  readonly numClasses?: number
  /** Channels of the images. Default 3. */
  readonly inChannels?: number
}
