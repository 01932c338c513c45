import { defineConfig, type ViteUserConfig } from 'vitest/config'

const long = '**/*.long.test.ts'
const modules = '**/node_modules/**'

const config: ViteUserConfig = defineConfig({
  // `gradus` and `gradus/nn` resolve to src through the paths in tsconfig.json: no build before tests.
  // `#native` would resolve to the build through package.json, which is a second copy of every module.
  resolve: {
    tsconfigPaths: true,
    alias: { '#native': new URL('./src/runtime/native/target.ts', import.meta.url).pathname },
  },
  test: {
    reporters: ['default', './test/reporter.ts'],
    // One process a file, so that seeds and devices never leak from one file to the next.
    pool: 'forks',
    maxWorkers: '100%',
    execArgv: ['--expose-gc'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,test,bench}/**/*.test.ts'],
          exclude: [long, modules],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: { name: 'long', include: [`{src,test,bench}/${long}`], testTimeout: 600_000, hookTimeout: 600_000 },
      },
    ],
  },
})

export default config
