/**
 * `npm run -s bench -- <name> [--json] [--device …] [--peers …] [--quick]`: one benchmark, printed for people and, with
 * `--json`, as one JSON object on the last line. Figures are for comparing on a quiet machine; nothing here is a test.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { describeError } from "../src/util/errors.js";
import type { DeviceName } from "./api.js";
import { isModel, type ModelName, trained } from "./models.js";
import type { BenchOptions } from "./ours.js";
import { type PeerName, peerLabels, print, type Report } from "./report.js";

type Bench = (options: BenchOptions) => Promise<Report>;

const step = (model: ModelName): Bench => {
  return async (options) => (await import("./cases/steps.js")).stepBench(model, options);
};

/** Each benchmark is loaded when it is requested, after the number of threads is set. */
const BENCHES: Readonly<Record<string, Bench>> = {
  ...Object.fromEntries(Object.keys(trained).map((model) => [model, step(model as ModelName)])),
  "resnet18-infer": async (options) => (await import("./cases/infer.js")).inferBench(options),
  conv: async (options) => (await import("./cases/conv.js")).convBench(options),
  matmul: async (options) => (await import("./cases/matmul.js")).matmulBench(options),
  norm: async (options) => (await import("./cases/passes.js")).passBench("norm", options),
  optim: async (options) => (await import("./cases/optim.js")).optimBench(options),
  activations: async (options) => (await import("./cases/passes.js")).passBench("activations", options),
  "unet-block": async (options) => (await import("./cases/passes.js")).passBench("unet-block", options),
  softmax: async (options) => (await import("./cases/passes.js")).passBench("softmax", options),
  attention: async (options) => (await import("./cases/passes.js")).passBench("attention", options),
  startup: async (options) => (await import("./cases/startup.js")).startupBench(options),
  hsoftmax: async (options) => (await import("./cases/hsoftmax.js")).hsoftmaxBench(options),
  memory: async (options) => (await import("./cases/memory.js")).memoryBench(options),
  loader: async (options) => (await import("./cases/loader.js")).loaderBench(options),
};
/** Whom each device is compared with unless `--peers` says otherwise. */
const PEERS: Readonly<Record<DeviceName, readonly PeerName[]>> = {
  native: ["torch"],
  wasm: ["jax-js", "tfjs-wasm"],
  interp: ["torch"],
};
/** And where a benchmark has a peer of its own, on every device but WebAssembly. */
const MORE_PEERS: Readonly<Record<string, readonly PeerName[]>> = { "resnet18-infer": ["onnxruntime"] };
const USAGE = `usage: npm run -s bench -- ${Object.keys(BENCHES).join("|")} [options]

  --device native|wasm|interp  what runs our side; default native
  --peers a,b                  whom to compare with, of ${Object.keys(peerLabels).join(", ")}, or none;
                               default torch, for resnet18-infer also onnxruntime, but for --device wasm
                               jax-js,tfjs-wasm: PyTorch only if requested
  --model name                 what startup and memory run: ${Object.keys(trained).join(", ")}; default cnn
  --data folder                the folder of class folders that loader reads; default $FOVEA_BENCH_DATA
  --quick                      fewer rounds: for trying out, not for reporting
  --json                       one JSON object on the last line

PyTorch is found if python3 imports torch, ONNX Runtime if it also imports onnxruntime and onnx (python3 -m pip install
onnxruntime onnx). The JavaScript peers: npm ci --prefix bench --ignore-scripts`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      device: { type: "string", default: "native" },
      quick: { type: "boolean", default: false },
      peers: { type: "string" },
      model: { type: "string", default: "cnn" },
      data: { type: "string", default: process.env.FOVEA_BENCH_DATA },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const [name = "", ...more] = positionals;
  const { device, quick, model, data } = values;
  if (!Object.hasOwn(BENCHES, name) || more.length > 0 || !isDevice(device) || !isModel(model)) throw new Error(USAGE);
  const peers = values.peers === undefined ? defaultPeers(name, device) : parsePeers(values.peers);
  // Both sides read it: two threads wherever there are two processors.
  process.env.FOVEA_THREADS ??= String(Math.min(2, availableParallelism()));
  print(await BENCHES[name]({ device, quick, peers, model, data }), values.json);
}

function isDevice(name: string): name is DeviceName {
  return Object.hasOwn(PEERS, name);
}

function defaultPeers(bench: string, device: DeviceName): readonly PeerName[] {
  return device === "wasm" ? PEERS.wasm : [...PEERS[device], ...(MORE_PEERS[bench] ?? [])];
}

function parsePeers(list: string): PeerName[] {
  if (list === "none") return [];
  return list.split(",").map((name) => {
    if (!Object.hasOwn(peerLabels, name)) throw new Error(`there is no peer ${name}\n${USAGE}`);
    return name as PeerName;
  });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}\n`);
  process.exit(1); // the peer may still be waiting
}
