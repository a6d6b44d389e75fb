/**
 * Writes docs/pytorch.md: each name of PyTorch (`pytorch-names.json`) and what Fovea has for it. Run `npx tsx
 * tools/pytorch-docs.ts` after a change of the public surface; a test compares the file with what it gives.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as main from "../src/index.js";
import * as nn from "../src/nn/index.js";
import * as optim from "../src/optim/index.js";
import { MISSING, OTHER } from "./pytorch-map.js";
import { root } from "./setup.mjs";

export type Section = keyof typeof OTHER;
const otherwise: Readonly<Record<Section, Readonly<Record<string, string>>>> = OTHER;

/** One name of PyTorch: what Fovea has, or why it has nothing. */
export interface Row {
  readonly name: string;
  readonly ours: string | null;
  readonly spelled: "same" | "other" | "missing";
  readonly reason: string;
}

const names = JSON.parse(readFileSync(join(root, "tools/pytorch-names.json"), "utf8")) as Record<Section, string[]>;

/** Words in lines of at most 118 characters. */
function wrapped(text: string): string {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last !== "" && last.length + word.length > 117) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.join("\n");
}

const HEAD = `# PyTorch's names in Fovea

Names are PyTorch's in camelCase; required arguments are positional, in PyTorch's order, and everything with a default
is in one object of options, the last argument: \`x.sum({ dim: 1 })\` for \`torch.sum(x, 1)\`. Functions of one tensor are
methods, so \`x\` stands for a tensor. Whatever PyTorch does in place gives a new tensor here. This page is written from
the public surface by \`npx tsx tools/pytorch-docs.ts\`; the names are those of PyTorch 2.13.
`;

/** A name of PyTorch as Fovea would spell it. */
const camel = (name: string): string =>
  name.replace(/_$/, "").replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Where a name may be, and how it is written there. */
const PLACES: Readonly<
  Record<string, { readonly has: (name: string) => boolean; readonly text: (name: string) => string }>
> = {
  method: { has: (name) => name in main.Tensor.prototype, text: (name) => `x.${name}` },
  main: { has: (name) => name in main, text: (name) => name },
  functional: { has: (name) => name in nn.functional, text: (name) => `functional.${name}` },
  nn: { has: (name) => name in nn, text: (name) => name },
  init: { has: (name) => name in nn.init, text: (name) => `init.${name}` },
  linalg: { has: (name) => "linalg" in main && name in (main.linalg as object), text: (name) => `linalg.${name}` },
  optim: { has: (name) => name in optim, text: (name) => name },
};

const SEARCHED: Readonly<Record<Section, readonly string[]>> = {
  torch: ["method", "main", "functional"],
  "torch.nn": ["nn", "main"],
  "torch.nn.functional": ["functional", "main", "method"],
  "torch.nn.init": ["init"],
  "torch.linalg": ["linalg", "method"],
  "torch.optim": ["optim"],
  "torch.optim.lr_scheduler": [],
};

function rowOf(section: Section, name: string): Row {
  const other: string | undefined = otherwise[section][name];
  if (other !== undefined) return { name, ours: other, spelled: "other", reason: "" };
  for (const place of SEARCHED[section]) {
    const { has, text } = PLACES[place];
    for (const spelling of [camel(name), name]) {
      if (has(spelling)) return { name, ours: text(spelling), spelled: "same", reason: "" };
    }
  }
  const reason = Object.entries(MISSING).find(([, list]) => list.split(/\s+/).includes(name))?.[0];
  return { name, ours: null, spelled: "missing", reason: reason ?? "" };
}

/** The rows of each section. */
export const sections = (Object.keys(OTHER) as Section[]).map((section) => ({
  section,
  rows: names[section].map((name) => rowOf(section, name)),
}));

function sectionText({ section, rows }: { readonly section: Section; readonly rows: readonly Row[] }): string {
  const same = rows.filter(({ spelled }) => spelled === "same");
  const other = rows.filter(({ spelled }) => spelled === "other");
  const missing = rows.filter(({ spelled }) => spelled === "missing");
  const lines = [
    `## \`${section}\``,
    "",
    `${same.length} by the same name, ${other.length} spelled otherwise, ${missing.length} missing.`,
    "",
  ];
  if (same.length > 0) lines.push(wrapped(`Same name: ${same.map(({ ours }) => `\`${ours}\``).join(", ")}.`), "");
  if (other.length > 0) {
    lines.push("| PyTorch | Fovea |", "|---|---|");
    lines.push(...other.map(({ name, ours }) => `| \`${name}\` | \`${ours?.replaceAll("|", "\\|")}\` |`), "");
  }
  const reasons = [...new Set(missing.map(({ reason }) => reason))];
  if (reasons.length > 0) lines.push("| missing | why |", "|---|---|");
  for (const reason of reasons) {
    const list = missing.filter((row) => row.reason === reason).map(({ name }) => `\`${name}\``);
    lines.push(`| ${list.join(", ")} | ${reason} |`);
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

/** The text of `docs/pytorch.md`. */
export const pytorchDocument = (): string => `${HEAD}\n${sections.map(sectionText).join("\n")}`;

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(root, "docs/pytorch.md"), pytorchDocument());
