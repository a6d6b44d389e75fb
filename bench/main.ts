/**
 * `npm run -s bench -- <name> [--json] [--device native|interp] [--quick]`: one benchmark, printed for people and, with
 * `--json`, as one JSON object on the last line. Figures are for comparing on a quiet machine; nothing here is a test.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { describeError } from "../src/util/errors.js";
import type { BenchOptions } from "./ours.js";
import { print, type Report } from "./report.js";

/** Each benchmark is loaded when it is asked for, after the number of threads is set. */
const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<Report>>> = {
  mlp: async (options) => (await import("./cases/steps.js")).stepBench("mlp", options),
  cnn: async (options) => (await import("./cases/steps.js")).stepBench("cnn", options),
  conv: async (options) => (await import("./cases/conv.js")).convBench(options),
  matmul: async (options) => (await import("./cases/matmul.js")).matmulBench(options),
  startup: async (options) => (await import("./cases/startup.js")).startupBench(options),
  memory: async (options) => (await import("./cases/memory.js")).memoryBench(options),
};
const USAGE = `usage: npm run -s bench -- ${Object.keys(BENCHES).join("|")} [--json] [--device native|interp] [--quick]`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      device: { type: "string", default: "native" },
      quick: { type: "boolean", default: false },
    },
  });
  const bench = BENCHES[positionals[0] ?? ""];
  const { device, quick } = values;
  if (!bench || positionals.length > 1 || (device !== "native" && device !== "interp")) throw new Error(USAGE);
  // Both sides read it: two threads wherever there are two processors.
  process.env.FOVEA_THREADS ??= String(Math.min(2, availableParallelism()));
  print(await bench({ device, quick }), values.json);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}\n`);
  process.exit(1); // the peer may still be waiting
}
