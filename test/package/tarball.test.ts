/**
 * The package as a user gets it: packed, linted, installed into an empty folder, type-checked from there, trained for
 * one epoch and requested its devices. Everything runs in a temporary folder and through the public entry points.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, setUp } from "../../tools/setup.mjs";
import { codeBlocks } from "../docs/markdown.js";

const runFile = promisify(execFile);

/** One epoch of a small network on two separable clouds of points, written as a user would write it. */
const TRAINING = `
import { compile, tensor } from "fovea";
import * as nn from "fovea/nn";
import { SGD } from "fovea/optim";

nn.manualSeed(0);
const model = new nn.Sequential(new nn.Linear(2, 16), new nn.ReLU(), new nn.Linear(16, 2));
const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });

const step = compile((points: Tensor, labels: Tensor) => {
  const loss = nn.functional.crossEntropy(model(points), labels);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});

const batchSize = 16;
const losses: number[] = [];
for (let batch = 0; batch < 32; batch++) {
  const points = new Float32Array(batchSize * 2);
  const labels = new Int32Array(batchSize);
  for (let i = 0; i < batchSize; i++) {
    labels[i] = (batch + i) % 2;
    points[2 * i] = Math.sin(batch * batchSize + i) + (labels[i] === 0 ? -2 : 2);
    points[2 * i + 1] = Math.cos(3 * (batch * batchSize + i));
  }
  const loss = await step(tensor(points, { shape: [batchSize, 2] }), tensor(labels));
  losses.push(await loss.item());
}
console.log(JSON.stringify(losses));
`;

/** The same program for plain Node: its only types are the two parameters' and the array's. */
const TRAINING_JS = TRAINING.replaceAll(": Tensor", "").replace(": number[]", "");
const TRAINING_TS = TRAINING.replace("{ compile, tensor }", "{ compile, type Tensor, tensor }");

/** How the README makes a project: the commands of the block that begins an empty folder. */
const project = codeBlocks("README.md")
  .filter(({ language, text }) => language === "sh" && text.startsWith("npm init"))
  .flatMap(({ text }) => text.trim().split("\n"));

const ENTRY_POINTS = ["fovea", "fovea/nn", "fovea/optim", "fovea/data", "fovea/io", "fovea/vision", "fovea/train"];

describe("the packed tarball", { timeout: 300_000 }, () => {
  let folder = "";
  let consumer = "";

  beforeAll(async () => {
    await setUp();
    folder = mkdtempSync(join(tmpdir(), "fovea-tarball-"));
    consumer = join(folder, "consumer");
    mkdirSync(consumer);
    await npm(root, "pack", "--ignore-scripts", "--pack-destination", folder);
    const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz"));
    expect(tarball).toBeDefined();
    // The lines of the README, with the tarball where it is here.
    expect(project.slice(-1)).toEqual(["npx tsx train.ts"]);
    for (const line of project.slice(0, -1)) {
      const words = line.replace("../fovea/fovea-0.1.0.tgz", `../${tarball}`).split(" ").slice(1);
      await npm(consumer, ...words, ...(words[0] === "install" ? ["--prefer-offline", "--no-audit", "--no-fund"] : []));
    }
  }, 300_000);

  afterAll(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it("contains the build and nothing of the sources or the tests", () => {
    const installed = join(consumer, "node_modules", "fovea");
    expect(readdirSync(installed).sort()).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
    const files = readdirSync(join(installed, "dist"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
    expect(files.filter((name) => !/\.(js|d\.ts)$/.test(name))).toEqual([]);
    expect(existsSync(join(consumer, "node_modules", "vitest"))).toBe(false);
  });

  it("passes publint", async () => {
    const { messages } = await publint({ pkgDir: join(consumer, "node_modules", "fovea"), pack: false, strict: true });
    const { default: manifest } = await import("../../package.json", { with: { type: "json" } });
    expect(messages.map((message) => formatMessage(message, manifest, { color: false }))).toEqual([]);
  });

  it("resolves every entry point", async () => {
    const script = `for (const name of ${JSON.stringify(ENTRY_POINTS)}) {
      const count = Object.keys(await import(name)).length;
      if (count === 0) throw new Error(name + " exports nothing");
    }`;
    await node("--input-type=module", "--eval", script);
  });

  it.each(ENTRY_POINTS)("computes where only %s is imported", async (name) => {
    const tensors = join(consumer, "node_modules", "fovea", "dist", "tensor", "index.js");
    const script = `
      await import("${name}");
      const { ones } = await import("${pathToFileURL(tensors)}");
      console.log(await ones([2]).add(1).sum().item());`;
    expect((await node("--input-type=module", "--eval", script)).trim()).toBe("4");
  });

  it("runs the first program of the README", async () => {
    writeFileSync(
      join(consumer, "train.ts"),
      codeBlocks("README.md").find(({ language }) => language === "ts run")!.text,
    );
    const { stdout } = await runFile(npx, ["--no-install", "tsx", "train.ts"], { cwd: consumer, env: cleanEnv() });
    const [, accuracy] = /test accuracy (\d+\.\d+) %\n$/.exec(stdout) ?? [];
    expect(Number(accuracy)).toBeGreaterThan(96);
  });

  it("trains for one epoch", async () => {
    writeFileSync(join(consumer, "train.mjs"), TRAINING_JS);
    const losses: number[] = JSON.parse((await node("train.mjs")).trim());
    expect(losses).toHaveLength(32);
    expect(losses[0]).toBeGreaterThan(0.2);
    expect(losses.slice(-4).every((loss) => loss < 0.1)).toBe(true);
  });

  it("type-checks in a strict project", async () => {
    writeFileSync(join(consumer, "train.mts"), TRAINING_TS);
    const options = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"];
    const types = ["--typeRoots", join(root, "node_modules", "@types"), "--types", "node"];
    await node(join(root, "node_modules", "typescript", "bin", "tsc"), ...options, ...types, "train.mts");
  });

  it("brings a program that lists the devices", async () => {
    const { stdout } = await runFile(npx, ["--no-install", "fovea", "devices"], { cwd: consumer, env: cleanEnv() });
    expect(stdout).toMatch(/interp/);
    expect(stdout).toMatch(/native/);
  });

  /** Runs Node in the consumer's folder; a failure carries what it printed. */
  async function node(...args: readonly string[]): Promise<string> {
    return execute(process.execPath, args, consumer);
  }
});

const npx = process.platform === "win32" ? "npx.cmd" : "npx";

function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  return execute(process.platform === "win32" ? "npm.cmd" : "npm", args, cwd);
}

async function execute(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await runFile(program, args, { cwd, env: cleanEnv(), maxBuffer: 1 << 24 })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed\n${stdout}${stderr}`, { cause: error });
  }
}

/** The environment without what an outer `npm test` says about its own package; the user's npm settings stay. */
function cleanEnv(): NodeJS.ProcessEnv {
  const outer = /^(npm_(package|lifecycle|command|execpath|node_execpath)|npm_config_(local|global)_prefix$|INIT_CWD)/;
  const kept = Object.entries(process.env).filter(([name]) => !outer.test(name) && !/^(VITEST|NODE_ENV)/.test(name));
  return Object.fromEntries(kept);
}
