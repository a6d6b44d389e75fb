/**
 * `npm run check`, the one gate before a commit: format, types, lint, layers, cycles, house rules, dead exports and
 * the fast tests, one line each, with the full output of whatever failed at the end. Runs every step, even after a
 * failure, so that one run shows everything there is to mend.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { styleText } from "node:util";
import { checkSources, formatViolation, type Rule, readSources, type Violation } from "./check-layers.js";
import { COSTLY_TESTS } from "./costly-tests.js";
import { root } from "./setup.mjs";

/** What a step found: empty when all is well. */
type Outcome = { readonly ok: boolean; readonly output: string };

interface Step {
  readonly name: string;
  /** What to type to mend it, where a command can. */
  readonly fix?: string;
  readonly run: () => Promise<Outcome>;
}

/** Tests that install packages, start programs, train or sweep for long; `npm test` runs them all. */
const SLOW_TESTS = ["test/package/**", "**/*.slow.test.ts", ...Object.keys(COSTLY_TESTS)];

/** Runs a program that a development dependency brings, by its own entry file: no shell, no `npx`. */
function tool(entry: string, ...args: string[]): () => Promise<Outcome> {
  return () =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [join(root, "node_modules", entry), ...args], { cwd: root });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      }
      child.on("close", (code) => resolve({ ok: code === 0, output: output.trim() }));
    });
}

let violations: readonly Violation[] | undefined;

function structure(rule: Rule): () => Promise<Outcome> {
  return async () => {
    violations ??= checkSources(readSources(root));
    const found = violations.filter((violation) => violation.rule === rule);
    return { ok: found.length === 0, output: found.map(formatViolation).join("\n") };
  };
}

/** Steps that run side by side: the tests come last and have workers of their own. */
const AT_ONCE = 2;

const biome = "@biomejs/biome/bin/biome";

const STEPS: readonly Step[] = [
  { name: "format", fix: "npm run format", run: tool(biome, "check", "--linter-enabled=false", ".") },
  { name: "types", run: tool("typescript/bin/tsc", "-p", "tsconfig.json") },
  { name: "example types", run: tool("typescript/bin/tsc", "-p", "examples/browser/tsconfig.json") },
  { name: "lint", fix: "npm run format", run: tool(biome, "lint", "--error-on-warnings", ".") },
  { name: "layers", run: structure("layers") },
  { name: "cycles", run: structure("cycles") },
  { name: "house rules", run: structure("house rules") },
  { name: "dead exports", run: tool("knip/bin/knip.js", "--no-progress") },
  { name: "reference", run: tool("typedoc/bin/typedoc", "--emit", "none") },
  {
    name: "fast tests",
    run: tool("vitest/vitest.mjs", "run", ...SLOW_TESTS.flatMap((pattern) => ["--exclude", pattern])),
  },
];

const failures: { readonly step: Step; readonly output: string }[] = [];
const startMs = performance.now();
const waiting = [...STEPS];
await Promise.all(Array.from({ length: AT_ONCE }, work));

/** Takes steps, one after the other, until none is left. */
async function work(): Promise<void> {
  for (let step = waiting.shift(); step; step = waiting.shift()) {
    const stepStartMs = performance.now();
    const { ok, output } = await step.run();
    const verdict = ok ? styleText("green", "ok    ") : styleText("red", "failed");
    process.stdout.write(`${step.name.padEnd(14)}${verdict} ${seconds(stepStartMs)}\n`);
    if (!ok) failures.push({ step, output });
  }
}
for (const { step, output } of failures) {
  const hint = step.fix ? ` (try: ${step.fix})` : "";
  process.stdout.write(`\n${styleText("bold", `${step.name}${hint}`)}\n${output}\n`);
}
const verdict = failures.length === 0 ? "all checks passed" : `${failures.length} of ${STEPS.length} checks failed`;
process.stdout.write(`\n${verdict} in ${seconds(startMs).trim()}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1).padStart(6)} s`;
}
