/**
 * Every public export has a docstring with the parts that it needs. Asks the type checker what is public, so a new export
 * is checked as soon as it is listed.
 */
import { join, relative } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { root } from "../../tools/setup.mjs";

const faces = ["index", "nn/index", "optim/index", "data/index", "io/index", "vision/index", "train/index"];
const paths = faces.map((face) => join(root, "src", `${face}.ts`));
const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: paths }, ts.sys, root);
const program = ts.createProgram(paths, { ...options, incremental: false, tsBuildInfoFile: undefined });
const checker = program.getTypeChecker();

interface Export {
  readonly name: string;
  readonly file: string;
  readonly symbol: ts.Symbol;
  readonly declaration: ts.Declaration;
}

const resolved = (symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

function exportsOf(module: ts.Symbol): Export[] {
  return checker.getExportsOfModule(module).flatMap((listed) => {
    const symbol = resolved(listed);
    if (symbol.flags & ts.SymbolFlags.ValueModule) return exportsOf(symbol);
    const declaration = symbol.declarations?.[0];
    if (!declaration) return [];
    return [{ name: symbol.name, file: relative(root, declaration.getSourceFile().fileName), symbol, declaration }];
  });
}

const found = new Map<ts.Symbol, Export>();
for (const path of paths) {
  const file = program.getSourceFile(path);
  const module = file && checker.getSymbolAtLocation(file);
  if (module) for (const one of exportsOf(module)) found.set(one.symbol, one);
}
const exported = [...found.values()];

const textOf = (symbol: ts.Symbol): string => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
const tagsOf = (symbol: ts.Symbol): string[] => symbol.getJsDocTags(checker).map(({ name }) => name);
const nameOf = ({ file, name }: Export): string => `${file} ${name}`;
/** Whether it is called, or constructed without being declared as a class, as the layers of losses are. */
const isFunction = ({ symbol, declaration }: Export): boolean => {
  const type = checker.getTypeOfSymbolAtLocation(symbol, declaration);
  return type.getCallSignatures().length + (classOf({ declaration }) ? 0 : type.getConstructSignatures().length) > 0;
};
const classOf = ({ declaration }: Pick<Export, "declaration">): ts.ClassDeclaration | undefined =>
  ts.isClassDeclaration(declaration) ? declaration : undefined;

/** Methods and accessors that a user sees and that no base class or interface describes. */
function methodsOf(declaration: ts.ClassDeclaration): ts.Symbol[] {
  const inherits = (declaration.heritageClauses ?? []).length > 0;
  return declaration.members.flatMap((member) => {
    const method = ts.isMethodDeclaration(member) || ts.isGetAccessorDeclaration(member);
    if (!method || !ts.isIdentifier(member.name)) return [];
    const kinds: ts.SyntaxKind[] = (ts.getModifiers(member) ?? []).map(({ kind }) => kind);
    const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword, ts.SyntaxKind.OverrideKeyword];
    if (hidden.some((kind) => kinds.includes(kind))) return [];
    const symbol = checker.getSymbolAtLocation(member.name);
    return symbol && !(inherits && ["get", "batch"].includes(symbol.name)) ? [symbol] : [];
  });
}

/** Whether the body itself throws, beside what it calls. */
function throws({ declaration }: Export): boolean {
  const text = declaration.getText();
  return isFunctionLike(declaration) && /\bthrow\b/.test(text);
}
const isFunctionLike = (declaration: ts.Declaration): boolean =>
  ts.isFunctionDeclaration(declaration) || ts.isVariableDeclaration(declaration);

describe("public exports", () => {
  it("are found", () => {
    expect(exported.length).toBeGreaterThan(120);
  });

  it("are described; the fields of options describe those", () => {
    const bare = exported.filter(({ name, symbol }) => !textOf(symbol) && !/Options$/.test(name));
    expect(bare.map(nameOf)).toEqual([]);
  });

  it("have methods that are described", () => {
    const bare = exported.flatMap((one) => {
      const declaration = classOf(one);
      if (!declaration) return [];
      return methodsOf(declaration)
        .filter((method) => !textOf(method))
        .map((method) => `${nameOf(one)}.${method.name}`);
    });
    expect(bare).toEqual([]);
  });

  it("of functions and layers show an example", () => {
    // Nobody constructs the base of all optimizers; its example is at `Rule`.
    const shown = exported.filter(
      ({ file, name }) => /^src\/(tensor|nn|optim|vision)\//.test(file) && name !== "Optimizer",
    );
    const bare = shown.filter((one) => (classOf(one) || isFunction(one)) && !tagsOf(one.symbol).includes("example"));
    expect(bare.map(nameOf)).toEqual([]);
  });

  it("of layers and functions of tensors give shapes", () => {
    const shaped = exported.filter(({ file }) =>
      /^src\/nn\/(functional|loss|conv|linear|norm|pool|regularisation|activation)/.test(file),
    );
    const bare = shaped
      .filter((one) => classOf(one) || isFunction(one))
      .filter(({ symbol }) => !/Shape: |->/.test(textOf(symbol)));
    expect(bare.map(nameOf)).toEqual([]);
  });

  it("say what they throw where they throw", () => {
    const silent = exported.filter((one) => throws(one) && !tagsOf(one.symbol).includes("throws"));
    expect(silent.map(nameOf)).toEqual([]);
  });
});
