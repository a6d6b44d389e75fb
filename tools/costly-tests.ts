/**
 * CPU seconds of the test files that take longest, the C compiler's included, on an empty cache: `npm test` starts with
 * them, so that no worker is left alone with one at the end, and `npm run check` leaves them out. A file that takes more
 * than four seconds belongs here; one that is not here counts as none.
 */
export const COSTLY_TESTS: Readonly<Record<string, number>> = {
  "test/parity/models.slow.test.ts": 110,
  "test/docs/commands.slow.test.ts": 70,
  "test/ops/structural.test.ts": 60,
  "test/parity/operations.test.ts": 25,
  "test/bench/run.slow.test.ts": 50,
  "test/browser/page.slow.test.ts": 30,
  "test/package/tarball.test.ts": 30,
  "test/device/cache.slow.test.ts": 30,
  "test/optim/optimizers.test.ts": 25,
  "test/tensor/bands.test.ts": 25,
  "test/device/wasm.slow.test.ts": 20,
  "test/device/threads.slow.test.ts": 20,
  "test/device/widths.slow.test.ts": 20,
  "test/cli/resume.slow.test.ts": 20,
  "test/docs/add-an-op.slow.test.ts": 20,
  "test/docs/add-an-optimizer.slow.test.ts": 20,
  "test/cli/end-to-end.slow.test.ts": 17,
  "test/ops/convolutions.test.ts": 16,
  "test/compiler/kernels.test.ts": 16,
  "test/nn/fold.test.ts": 15,
  "test/nn/layers.test.ts": 13,
  "test/tensor/convolutions.test.ts": 13,
  "test/train/folder.test.ts": 12,
  "test/tensor/products.test.ts": 9,
  "test/autograd/derivatives.test.ts": 8,
  "test/device/running.test.ts": 7,
  "test/tensor/fuzz.test.ts": 7,
  "test/docs/examples.test.ts": 7,
  "test/train/resume.test.ts": 5,
  "test/data/device-augment.test.ts": 5,
  "test/tensor/history.test.ts": 5,
};
