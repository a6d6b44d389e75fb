/**
 * Bundles a program as a page would get it, with Vite and the `browser` condition of the package. The entries are taken
 * from `exports` in package.json but read from src/, so that no build is needed. Knows nothing of what programs do.
 */
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, createLogger, type Rolldown } from "vite";
import { root } from "../../tools/setup.mjs";

type Conditions = Readonly<Record<string, string>>;
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Readonly<Record<string, Conditions | string>>;
};

/** The entry points of the package, such as `fovea/nn`, and the source file that a browser gets for each. */
export const entries: ReadonlyMap<string, string> = new Map(
  Object.entries(exports).flatMap(([path, conditions]) => {
    if (typeof conditions === "string") return [];
    const file = (conditions.browser ?? conditions.default).replace("./dist/", "src/").replace(/\.js$/, ".ts");
    return [[path.replace(".", "fovea"), join(root, file)]];
  }),
);

/** What came out. */
export interface Bundle {
  /** Name of the file that a page loads. */
  readonly entry: string;
  /** Text of every file, by name. */
  readonly files: ReadonlyMap<string, string>;
  /** Every module that went in, by its path. */
  readonly modules: readonly string[];
  /** Modules that are still imported from outside, Node's own above all, and what replaces those in a page. */
  readonly foreign: readonly string[];
  readonly warnings: readonly string[];
  readonly gzipBytes: number;
}

const entryId = "virtual:entry.ts";

/** Bundles and minifies a TypeScript module for the browser. */
export async function bundle(code: string): Promise<Bundle> {
  const warnings: string[] = [];
  const logger = createLogger("silent");
  logger.warn = (message) => void warnings.push(message);
  logger.warnOnce = logger.warn;
  const result = await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: "warn",
    customLogger: logger,
    resolve: { alias: [...entries].map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: file })) },
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entryId ? id : undefined),
        load: (id) => (id === entryId ? { code, moduleType: "ts" } : undefined),
      },
    ],
    build: {
      write: false,
      target: "es2023",
      modulePreload: false,
      // A library keeps what it exports; only a side effect keeps what a page does.
      rolldownOptions: { input: entryId, preserveEntrySignatures: "strict" },
    },
  });
  const { output } = (Array.isArray(result) ? result[0] : result) as Rolldown.RolldownOutput;
  const chunks = output.filter((file) => file.type === "chunk");
  const names = new Set(output.map(({ fileName }) => fileName));
  const files = new Map(output.map((file) => [file.fileName, file.type === "chunk" ? file.code : String(file.source)]));
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds);
  const imported = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]);
  return {
    entry: chunks.find(({ isEntry }) => isEntry)?.fileName ?? "",
    files,
    modules,
    foreign: [
      ...imported.filter((name) => !names.has(name)),
      ...modules.filter((id) => /browser-external|^node:/.test(id) || builtinModules.includes(id)),
    ],
    warnings,
    gzipBytes: [...files.values()].reduce((sum, text) => sum + gzipSync(text).length, 0),
  };
}
