/**
 * A JavaScript peer of the benchmarks: a process that lives through one bench, obeys one JSON object per line on stdin
 * and answers with one per line on stdout, as torch_peer.py does. `node serve.js <side> <bench folder> <threads>`.
 * It knows nothing of what is compared.
 */
import { Console } from "node:console";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import type { Work } from "../work.js";
import type { Call, Side, SideOptions } from "./side.js";

const start = performance.now();
const [name, bench, threads] = process.argv.slice(2);
// The same instructions for all sides: Node 20 hides them, later versions do not.
if (Number.parseInt(process.versions.node, 10) < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");
// Whatever libraries print goes to stderr: stdout carries the answers.
globalThis.console = new Console(process.stderr);

const SIDES: Readonly<Record<string, () => Promise<{ open(options: SideOptions): Promise<Side> }>>> = {
  "jax-js": () => import("./jax.js"),
  "tfjs-wasm": () => import("./tfjs.js"),
  "fovea-native": () => import("./own.js"),
};

type Question =
  | { readonly do: "hello" }
  | { readonly do: "setup"; readonly work: Work }
  | { readonly do: "run"; readonly id: number; readonly steps: number }
  | { readonly do: "usage" };

let side: Side | undefined;
const calls: Call[] = [];

async function obey(question: Question): Promise<object> {
  switch (question.do) {
    case "hello":
      side = await (await SIDES[name]()).open({ bench, threads: Number(threads) });
      return { version: side.version };
    case "setup": {
      if (!side) throw new Error("hello comes first");
      const begin = performance.now();
      const call = await side.setup(question.work);
      await call.run();
      const checks = await call.checks();
      const end = performance.now();
      calls.push(call);
      return { id: calls.length - 1, checks, firstMs: end - begin, sinceStartMs: end - start };
    }
    case "run": {
      const { run, repeats = 1 } = calls[question.id];
      const ms: number[] = [];
      for (let i = 0; i < question.steps; i++) {
        const begin = performance.now();
        await run();
        ms.push((performance.now() - begin) / repeats);
      }
      return { ms };
    }
    case "usage":
      return { maxRssBytes: process.resourceUsage().maxRSS * 1024 };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await obey(JSON.parse(line)).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    return { error: text.trim().split("\n")[0].slice(0, 300) };
  });
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0); // threads of a library may hold the process
