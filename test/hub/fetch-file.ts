/** Fetches a file of the hub: `fetch-file.ts ENDPOINT CACHE REPOSITORY FILE`, and prints its path. */
import { hubFile } from '../../src/io/hub/hub.ts'

const [endpoint, cache, repository, file] = process.argv.slice(2) as [string, string, string, string]
process.stdout.write(await hubFile(repository, file, { endpoint, cache }))
