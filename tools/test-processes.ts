/**
 * Which test files have a process of their own: those that change what belongs to the process rather than to a context.
 * All others share processes, each with a default context of its own. The text of a file and of the test helpers that it
 * imports decides, so there is no list; `test/support/shared-process.ts` fails a file that leaves traces all the same.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What changes a process, or reads figures of the whole process. */
const OF_THE_PROCESS: readonly RegExp[] = [
  /\bprocess\.env\.\w+ \??\??=[^=]|\bprocess\.chdir\(/,
  /"node:(child_process|worker_threads)"/,
  /\bvi\.(mock|stub|useFake|resetModules)/,
  /\bregisterDevice\(|\bmemoryStats\(/,
  // Entries found by introspection: those of pages register devices of pages.
  /\bimport\([^"`]/,
];

/** Imports of files in the folder of the tests. */
const HELPER = /from "(\.{1,2}\/(?!\.\.\/)[^"]+)\.js"/g;

/** Test files, as paths relative to the root of the repository, by whether they need a process of their own. */
export function divideTests(root: string): { readonly own: string[]; readonly shared: string[] } {
  const texts = new Map<string, string>();
  const textOf = (file: string): string => {
    const path = join(root, file);
    // Texts of programs within tests look like imports, too.
    const text = texts.get(file) ?? (existsSync(path) ? readFileSync(path, "utf8") : "");
    texts.set(file, text);
    return text;
  };
  const needsProcess = (test: string): boolean => {
    const files = new Set([test]);
    for (const file of files) {
      const text = textOf(file);
      if (OF_THE_PROCESS.some((pattern) => pattern.test(text))) return true;
      for (const [, path] of text.matchAll(HELPER)) files.add(join(dirname(file), `${path}.ts`));
    }
    return false;
  };
  const names = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" });
  const tests = names.filter((name) => name.endsWith(".test.ts")).map((name) => join("test", name));
  return { own: tests.filter(needsProcess), shared: tests.filter((file) => !needsProcess(file)) };
}
