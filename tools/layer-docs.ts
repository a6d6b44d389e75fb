/**
 * Writes what the registry of layers and the comments in the sources say: `docs/layers.md`. Run `npx tsx
 * tools/layer-docs.ts` after a change there; a test compares the file with what it gives.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { layers } from "../src/nn/index.js";
import { root } from "./setup.mjs";

const HEAD = `# Layers

Every layer of the registry \`layers\` of \`fovea/nn\`, written from the comments in the sources by
\`npx tsx tools/layer-docs.ts\`. Arguments without a default are positional, in PyTorch's order; the others are options,
the last argument. \`layers.get(name).make(values)\` constructs a layer from plain values. Names of PyTorch are those of
\`torch.nn\` unless they say otherwise; state-dict keys are PyTorch's. [Losses](losses.md),
[recurrent layers](recurrent.md) and the [conversion](conversions.md) between fully connected layers and convolutions
have pages of their own.
`;

const sources = readdirSync(join(root, "src/nn"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(join(root, "src/nn", file), "utf8"));

/** Layers whose references are closed forms, because \`torch.nn\` has none of that name. */
const own = /^OWN = \{([^}]*)\}/m.exec(readFileSync(join(root, "test/nn/reference.py"), "utf8"))?.[1] ?? "";

/** The text of the comment before a class. */
function commentOf(name: string): string {
  for (const source of sources) {
    const end = source.search(new RegExp(`^export class ${name}\\b`, "m"));
    if (end < 0) continue;
    const comment = source.slice(source.lastIndexOf("/**\n", end) + 4, source.lastIndexOf("*/", end));
    return comment.replaceAll(/^ \* ?/gm, "").replaceAll(/\{@link (\w+)\}/g, "`$1`");
  }
  throw new Error(`no file of src/nn has a class ${name}`);
}

/** The paragraph that begins with a word, up to the next of the words, tag or empty line. */
function part(comment: string, word: string): string {
  const found = new RegExp(`\\b${word}:\\s([\\s\\S]*?)(?=\\s(?:Shape|Formula):\\s|\\n\\n|\\n@|\\s*$)`).exec(comment);
  return found?.[1].replaceAll("\n", " ").trim() ?? "";
}

function row({ name, schema }: { readonly name: string; readonly schema: object }): string {
  const comment = commentOf(name);
  const [sentence] = comment.split(/(?<=[.:])(?:\n\n|\s(?=[A-Z])|\n@)/);
  const torch = /torch\.(nn(?:\.utils\.\w+)?|ops)\.([A-Z]\w+)\.html/.exec(comment);
  const vision = /torchvision\.ops\.(\w+)\.html/.exec(comment)?.[1];
  const known = !new RegExp(`"${name}"`).test(own);
  const theirs = vision ? `\`torchvision.ops.${vision}\`` : torch ? `\`${torch[2]}\`` : known ? `\`${name}\`` : "–";
  const parameters = Object.keys(schema).map((key) => `\`${key}\``);
  const cells = [
    `**${name}**`,
    sentence.replaceAll("\n", " ").trim(),
    part(comment, "Shape").replace(/\.$/, ""),
    part(comment, "Formula"),
    parameters.join(", "),
    theirs,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The text of \`docs/layers.md\`. */
export function layersDocument(): string {
  const table = ["| layer | | shape | formula | arguments | PyTorch |", "|---|---|---|---|---|---|"];
  return `${HEAD}\n${[...table, ...layers.entries.map(row)].join("\n")}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(root, "docs/layers.md"), layersDocument());
}
