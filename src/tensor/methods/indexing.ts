import { Views } from './views.ts'

/** Selecting, gathering, scattering, sorting. */
export abstract class Indexing extends Views {}
