/**
 * The libraries that Fovea is compared with: how each is started, in which ways it runs, and which processes that takes.
 * It knows nothing of what is compared.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools/setup.mjs";
import type { ModelName } from "./models.js";
import { type Checked, Peer, type Program, type Setup } from "./peers.js";
import type { PlainNode } from "./plain.js";
import { type PeerName, peerLabels } from "./report.js";
import type { Contestant } from "./rounds.js";
import type { Work } from "./work.js";

/** Besides the peers: PyTorch in an environment made for it, and our own native device. */
export type CrewName = PeerName | "torch-tuned" | "fovea-native";

const LABELS: Readonly<Record<CrewName, string>> = {
  ...peerLabels,
  "torch-tuned": "PyTorch tuned",
  "fovea-native": "Fovea native",
};
/** Crews that are processes of Node. */
type NodeCrew = Exclude<CrewName, "torch" | "torch-tuned" | "onnxruntime">;

/** What must be in bench/node_modules. */
const PACKAGES: Readonly<Partial<Record<CrewName, string>>> = {
  "jax-js": "@jax-js/jax",
  "tfjs-wasm": "@tensorflow/tfjs-backend-wasm",
};

/**
 * An environment in which PyTorch runs at its best between steps: the allocator keeps memory instead of giving it back
 * and faulting it in again, in large pages, and OpenMP's threads wait by spinning. Not what a user gets by default.
 */
export const TUNED: NodeJS.ProcessEnv = {
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184",
  OMP_WAIT_POLICY: "ACTIVE",
};

/** In which ways PyTorch runs a model; vectors and tokens have one layout only. */
export function torchModes(model: ModelName): readonly string[] {
  if (model === "mlp" || model === "vit") return ["contiguous", "compile"];
  return ["contiguous", "channels-last", "compile", "compile + channels-last"];
}

export function torchProgram(env: NodeJS.ProcessEnv = {}): Program {
  const script = join(root, "bench", "torch_peer.py");
  return { label: LABELS.torch, file: "python3", args: [script], env, absent: "python3 cannot import torch: " };
}

/** ONNX Runtime has one way, which chooses layouts by itself. */
export function onnxMember(): Member {
  const args = [join(root, "bench", "onnx_peer.py")];
  const absent = "python3 cannot import onnxruntime and onnx (python3 -m pip install onnxruntime onnx): ";
  return { program: { label: LABELS.onnxruntime, file: "python3", args, absent }, modes: ["all optimisations"] };
}

/** A process of a crew and its requests. */
export interface Member {
  readonly program: Program;
  readonly modes: readonly string[];
}

/**
 * The processes of a JavaScript side. On how many threads a library runs is settled when it starts, so each number is a
 * process: what Node gives the library by itself, and as many threads as Fovea has.
 */
export function nodeMembers(name: NodeCrew, node: PlainNode): Member[] {
  const threads = Number(process.env.FOVEA_THREADS);
  const ownWay = name === "fovea-native" || threads === 1;
  // TensorFlow.js keeps its gradients in modules that only a bundler or tsx resolves.
  const loader = name === "tfjs-wasm" ? ["--import", import.meta.resolve("tsx")] : [];
  return (ownWay ? [threads] : [1, threads]).map((count) => ({
    program: {
      label: LABELS[name],
      file: process.execPath,
      args: [...loader, node.file(join("js", "serve.js")), name, join(root, "bench"), String(count)],
      env: { NODE_OPTIONS: "" },
      absent: name === "fovea-native" ? "" : `${threadMode(count)}: `,
    },
    modes: [threadMode(count)],
  }));
}

const threadMode = (count: number) => (count === 1 ? "1 thread" : `${count} threads`);

/** Says that a package is not there, and how it gets there. */
export function missingPackage(name: CrewName): string | undefined {
  const wanted = PACKAGES[name];
  if (!wanted || existsSync(join(root, "bench", "node_modules", wanted, "package.json"))) return undefined;
  return `${LABELS[name]} is left out: ${wanted} is not installed (npm ci --prefix bench --ignore-scripts)`;
}

/** Work that a crew has set up. */
export interface Lineup {
  readonly ready: ReadonlyMap<string, { readonly setup: Setup; readonly contestant: Contestant }>;
  readonly failed: Readonly<Record<string, { readonly error: string }>>;
}

export class Crew {
  readonly name: CrewName;
  readonly label: string;
  readonly #members: readonly { readonly peer: Peer; readonly modes: readonly string[] }[];

  private constructor(name: CrewName, members: readonly { readonly peer: Peer; readonly modes: readonly string[] }[]) {
    this.name = name;
    this.label = LABELS[name];
    this.#members = members;
  }

  /** Starts what can be started; `notes` gets the rest. */
  static async start(name: CrewName, members: readonly Member[], notes: string[]): Promise<Crew[]> {
    const missing = missingPackage(name);
    if (missing) notes.push(missing);
    const started: { peer: Peer; modes: readonly string[] }[] = [];
    for (const { program, modes } of missing ? [] : members) {
      const peer = await Peer.start(program);
      if (typeof peer === "string") notes.push(peer);
      else started.push({ peer, modes });
    }
    return started.length === 0 ? [] : [new Crew(name, started)];
  }

  get version(): string {
    return this.#members[0].peer.version;
  }

  /** Builds the work in every mode. `kind` tells contestants of several works apart. */
  async setUp(work: Work, kind: string, checked: Checked): Promise<Lineup> {
    const ready = new Map<string, { setup: Setup; contestant: Contestant }>();
    const failed: Record<string, { error: string }> = {};
    for (const { peer, modes } of this.#members) {
      const made = await peer.setupAll(work, modes, (values, mode) => checked(values, `${this.label}, ${mode}`));
      Object.assign(failed, made.failed);
      for (const [mode, setup] of made.ready) {
        ready.set(mode, { setup, contestant: peer.contestant(`${kind}${this.label}, ${mode}`, setup) });
      }
    }
    return { ready, failed };
  }

  /** Processor time that its processes have used so far. */
  cpuMs(): number {
    return this.#members.reduce((sum, { peer }) => sum + peer.cpuMs(), 0);
  }

  close(): void {
    for (const { peer } of this.#members) peer.close();
  }
}
