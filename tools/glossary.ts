/**
 * The words that docs/glossary.md refuses: reads them from its table, and finds them in comments and strings of sources
 * and in documents. It knows no word itself, so that the glossary is the only list.
 */
import ts from "typescript";

/** The document whose table lists the words. */
export const GLOSSARY = "docs/glossary.md";

/** A word or phrase of the column "not", and the term to use in its place. */
export interface RefusedWord {
  readonly term: string;
  readonly pattern: RegExp;
}

/** A refused word in a text. */
export interface FoundWord {
  readonly line: number;
  readonly message: string;
}

/** A stretch of text in a file, by the index where it begins. */
interface Passage {
  readonly start: number;
  readonly text: string;
}

/** The words of the last column of the glossary's table; a cell may list several, separated by commas. */
export function refusedWords(glossary: string): RefusedWord[] {
  const rows = glossary.split("\n").flatMap((line) => {
    const cells = /^\|(.*)\|\s*$/.exec(line)?.[1].split("|");
    return cells ? [cells.map((cell) => cell.trim())] : [];
  });
  return rows.slice(2).flatMap(([term, , not = ""]) =>
    not
      .split(",")
      .filter((phrase) => phrase.trim() !== "")
      .map((phrase) => ({ term, pattern: patternOf(phrase.trim().split(/\s+/)) })),
  );
}

/** Matches a phrase whose first word may have an ending (-s, -ed, -ing), also across the lines of a comment. */
function patternOf([first, ...rest]: readonly string[]): RegExp {
  const stem = first.replace(/e$/, "");
  const inflected = stem === first ? `${first}(?:s|es|ed|ing)?` : `${stem}(?:e|es|ed|ing)`;
  return new RegExp(String.raw`(?<![\w-])${[inflected, ...rest].join(String.raw`[\s*/]+`)}(?![\w-])`, "gi");
}

/** The refused words in a file: in comments and strings of a source, anywhere in a document. */
export function findRefusedWords(file: string, text: string, words: readonly RefusedWord[]): FoundWord[] {
  const present = words.filter(({ pattern }) => text.search(pattern) >= 0);
  if (present.length === 0) return []; // most files: parsing them would take most of the time of the check
  const passages = file.endsWith(".md") ? [{ start: 0, text }] : passagesOf(file, text);
  const found = passages.flatMap((passage) =>
    present.flatMap(({ term, pattern }) =>
      Array.from(passage.text.matchAll(pattern), ({ 0: match, index }) => ({
        line: text.slice(0, passage.start + index).split("\n").length,
        message: `contains "${match.replaceAll(/[\s*/]+/g, " ")}"; ${GLOSSARY} says "${term}"`,
      })),
    ),
  );
  return found.sort((a, b) => a.line - b.line);
}

/** Comments and strings of a source, in order. */
function passagesOf(file: string, text: string): Passage[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const passages: Passage[] = [];
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(source).filter((child) => !ts.isJSDoc(child));
    children.forEach(visit);
    if (children.length > 0) return;
    const start = node.getStart(source);
    passages.push({ start: node.pos, text: text.slice(node.pos, start) }); // white space and comments before a token
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      passages.push({ start, text: text.slice(start, node.end) });
  };
  visit(source);
  return passages;
}
