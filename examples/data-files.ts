/** Data and weights that others published and the project does not bring along. */
import { existsSync } from 'node:fs'

/** A file or folder in the folder that GRADUS_DATA names. */
export const dataFile = (path: string): string => `${process.env['GRADUS_DATA'] ?? '../shared/data'}/${path}`

/** The first of these files that is not there. */
export const firstAbsent = (...files: readonly string[]): string | undefined => files.find((file) => !existsSync(file))
