/**
 * Checks what the compiler and the linter do not: that every import in src/ obeys the layer table, that no files
 * import each other in a circle, and that files keep to the house rules on size, header and forbidden words, those of
 * the glossary included.
 * Reads the sources with TypeScript's parser and knows nothing of what they do. Run alone: `tsx tools/check-layers.ts`.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { findRefusedWords, GLOSSARY, type RefusedWord, refusedWords } from "./glossary.js";
import { ENTRIES, LAYERS, NAME_DEVICES, PACKAGES } from "./layer-rules.js";

/** What was violated: the three groups are reported apart by `npm run check`. */
export type Rule = "layers" | "cycles" | "house rules";

export interface Violation {
  readonly rule: Rule;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** `type` imports vanish when compiled; `dynamic` ones happen later: neither can close a cycle of initialisation. */
interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly kind: "static" | "dynamic" | "type";
}

const CHECKED_FOLDERS = ["src", "test", "tools", "bench", "examples"];
const MAX_LINES = 600;
const MAX_COLUMNS = 140;
/** Data such as a base64 literal or a long address, which no line break can mend. */
const UNBREAKABLE = /\S{80}/;
/** Spelled with a class each, so that this file does not forbid itself. */
const FORBIDDEN_WORDS = /biome[-]ignore|@ts[-]ignore|@ts[-]nocheck|\bTODO[:]|\bFIXM[E]\b|\bXX[X]\b/;

/**
 * Every TypeScript and JavaScript file of the project, README.md and the documents in docs/, by its path relative to
 * `root`, with forward slashes.
 */
export function readSources(root: string): Map<string, string> {
  const sources = new Map<string, string>();
  for (const folder of CHECKED_FOLDERS.filter((name) => existsSync(join(root, name)))) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort()) {
      const path = posix.join(folder, entry.replaceAll("\\", "/"));
      if (/\.(ts|mjs)$/.test(path) && !path.includes("/node_modules/"))
        sources.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  const documents = existsSync(join(root, "docs")) ? readdirSync(join(root, "docs")).sort() : [];
  for (const path of ["README.md", ...documents.map((name) => posix.join("docs", name))])
    if (path.endsWith(".md") && existsSync(join(root, path))) sources.set(path, readFileSync(join(root, path), "utf8"));
  return sources;
}

/** All violations in the given files (path → text), in the order of the rules, then of the files. */
export function checkSources(sources: ReadonlyMap<string, string>): Violation[] {
  const library = [...sources].filter(([file]) => file.startsWith("src/"));
  const imports = new Map(library.map(([file, text]) => [file, parseImports(file, text)]));
  const words = refusedWords(sources.get(GLOSSARY) ?? "");
  return [
    ...[...imports].flatMap(([file, list]) => checkLayers(file, list)),
    ...findCycles(imports),
    ...[...sources].flatMap(([file, text]) => [
      ...(file.endsWith(".md") ? [] : checkHouseRules(file, text)),
      ...checkWords(file, text, words),
    ]),
  ];
}

/** `src/device/native/pool.ts` → `device/native`; `src/index.ts` → `index`; undefined outside every known layer. */
function layerOf(file: string): string | undefined {
  const [, first, second, third] = file.split("/");
  if (second === undefined) return ENTRIES.includes(first) ? "index" : undefined;
  const layer = first === "device" && third !== undefined ? `device/${second}` : first;
  return layer in LAYERS ? layer : undefined;
}

function parseImports(file: string, text: string): Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found: Import[] = [];
  const add = (node: ts.Node, target: ts.Node | undefined, kind: Import["kind"]) => {
    if (!target || !ts.isStringLiteralLike(target)) return;
    found.push({ specifier: target.text, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      add(node, node.moduleSpecifier, typeOnly ? "type" : "static");
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly ? "type" : "static");
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], "dynamic");
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, "type");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The file in src/ that a relative import names, e.g. `../ir/node.js` in `src/ops/a.ts` → `src/ir/node.ts`. */
function resolveImport(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts");
}

function checkLayers(file: string, imports: readonly Import[]): Violation[] {
  const layer = layerOf(file);
  if (layer === undefined) {
    const message = "belongs to no layer: move it, or add its folder to tools/layer-rules.ts";
    return [{ rule: "layers", file, line: 1, message }];
  }
  return imports.flatMap((entry) => {
    const message = judgeImport(file, layer, entry);
    return message === undefined ? [] : [{ rule: "layers" as const, file, line: entry.line, message }];
  });
}

/** Why a file of `layer` must not import this, or undefined where it may. */
function judgeImport(file: string, layer: string, { specifier, kind }: Import): string | undefined {
  const target = resolveImport(file, specifier);
  if (target === undefined) {
    const owners = PACKAGES[specifier];
    if (owners === undefined || owners.includes(layer)) return undefined;
    return `${layer} must not import the package ${specifier} (only ${owners.join(", ")} may)`;
  }
  if (!target.startsWith("src/")) return `imports ${target}, which lies outside src/`;
  const targetLayer = layerOf(target);
  if (targetLayer === layer) return undefined;
  if (targetLayer === undefined) return `imports ${target}, which belongs to no layer`;
  if (targetLayer.startsWith("device/")) {
    if (!NAME_DEVICES.includes(layer))
      return `${layer} must not import ${targetLayer} (only ${NAME_DEVICES.join(", ")} name concrete devices)`;
    return kind === "dynamic"
      ? undefined
      : `${layer} must import ${targetLayer} dynamically: await import("${specifier}")`;
  }
  if (LAYERS[layer].includes(targetLayer)) return undefined;
  return `${layer} must not import ${targetLayer} (it may import ${LAYERS[layer].join(", ") || "nothing"})`;
}

/**
 * Circles among files, by value imports alone. One violation per strongly connected component (Tarjan), showing a
 * shortest circle through its first file.
 */
function findCycles(imports: ReadonlyMap<string, readonly Import[]>): Violation[] {
  const targets = (file: string) =>
    (imports.get(file) ?? [])
      .filter((entry) => entry.kind === "static")
      .map((entry) => resolveImport(file, entry.specifier))
      .filter((target): target is string => target !== undefined && imports.has(target));
  return stronglyConnected([...imports.keys()], targets)
    .map((component) => component.sort())
    .sort((a, b) => a[0].localeCompare(b[0]))
    .flatMap((component) => {
      const file = component[0];
      const circle = shortestCircle(file, (from) => targets(from).filter((target) => component.includes(target)));
      if (circle === undefined) return [];
      const line = imports.get(file)?.find(({ specifier }) => resolveImport(file, specifier) === circle[1])?.line ?? 1;
      return [{ rule: "cycles" as const, file, line, message: `imports itself: ${circle.join(" → ")}` }];
    });
}

function stronglyConnected(files: readonly string[], targets: (file: string) => readonly string[]): string[][] {
  const components: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.size - 1);
    stack.push(file);
    for (const target of targets(file)) {
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) === order.get(file)) components.push(stack.splice(stack.indexOf(file)));
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return components;
}

function shortestCircle(start: string, targets: (file: string) => readonly string[]): string[] | undefined {
  const queue: string[][] = [[start]];
  const seen = new Set<string>();
  for (const path of queue) {
    for (const target of targets(path[path.length - 1])) {
      if (target === start) return [...path, start];
      if (!seen.has(target)) queue.push([...path, target]);
      seen.add(target);
    }
  }
  return undefined;
}

function checkHouseRules(file: string, text: string): Violation[] {
  const violations: Violation[] = [];
  const add = (line: number, message: string) => violations.push({ rule: "house rules", file, line, message });
  const lines = text.replace(/\n$/, "").split("\n");
  if (lines.length > MAX_LINES) add(MAX_LINES + 1, `has ${lines.length} lines; the limit is ${MAX_LINES}`);
  if (!/^(#!.*\n)?\/[*/]/.test(text)) add(1, "does not begin with a comment that says what the file is for");
  lines.forEach((line, index) => {
    if (line.length > MAX_COLUMNS && !UNBREAKABLE.test(line))
      add(index + 1, `has ${line.length} columns; the limit is ${MAX_COLUMNS}`);
    const word = FORBIDDEN_WORDS.exec(line)?.[0];
    if (word) add(index + 1, `contains "${word}"`);
  });
  return violations;
}

/** The library and the documents keep to the glossary; tests, tools and benches are free to name what it refuses. */
function checkWords(file: string, text: string, words: readonly RefusedWord[]): Violation[] {
  if (file === GLOSSARY || !/^(?:src\/|docs\/|README\.md$)/.test(file)) return [];
  return findRefusedWords(file, text, words).map((found) => ({ rule: "house rules", file, ...found }));
}

/** `src/nn/linear.ts:3: nn must not import compiler (…)`, as editors and terminals understand it. */
export function formatViolation({ file, line, message }: Violation): string {
  return `${file}:${line}: ${message}`;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const sources = readSources(process.argv[2] ?? process.cwd());
  const violations = checkSources(sources);
  for (const violation of violations) process.stdout.write(`${formatViolation(violation)}\n`);
  process.stdout.write(`${sources.size} files checked, ${violations.length} violations\n`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
