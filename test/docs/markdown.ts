/** Reads the project's documents: their code blocks, links and headings. Knows nothing of what they say. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tools/setup.mjs";

export interface CodeBlock {
  /** Path of the document from the root. */
  readonly file: string;
  /** What follows the fence, such as `ts run`. */
  readonly language: string;
  readonly text: string;
}

/** README, CHANGELOG and everything in docs/ but the generated API reference. */
export const documents: readonly string[] = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** The code blocks of a document, in order. */
export function codeBlocks(file: string): CodeBlock[] {
  return Array.from(read(file).matchAll(/^```(\S.*)?\n([\s\S]*?)^```$/gm), ([, language, text]) => ({
    file,
    language: language ?? "",
    text,
  }));
}

/** The text without code. */
const prose = (file: string): string =>
  read(file)
    .replaceAll(/^```[\s\S]*?^```$/gm, "")
    .replaceAll(/`[^`]*`/g, "");

/** Targets of the links of a document. */
export const links = (file: string): string[] => Array.from(prose(file).matchAll(/\]\(([^)\s]+)\)/g), ([, to]) => to);

/** Anchors of the headings of a document, as hosting sites make them. */
export const anchors = (file: string): string[] =>
  Array.from(read(file).matchAll(/^#+ (.*)$/gm), ([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
