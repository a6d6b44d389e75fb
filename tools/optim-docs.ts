/**
 * Writes what the registries of `fovea/optim` and the comments in the sources say: `docs/optimizers.md`,
 * `docs/schedules.md`, and a drawing of each schedule in `docs/images/schedules`. Run `npx tsx tools/optim-docs.ts` after
 * a change there; a test compares the files with what it gives.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as optim from "../src/optim/index.js";
import { root } from "./setup.mjs";

const STEPS = 100;

/** One drawing of each schedule of the registry, and what there is beside them, as a user writes it. */
const examples: Readonly<Record<string, string>> = {
  constant: "constant(0.1)",
  stepDecay: "stepDecay(0.1, 25, { gamma: 0.5 })",
  multiStep: "multiStep(0.1, [50, 75], { gamma: 0.3 })",
  exponential: "exponential(0.1, 0.97)",
  linear: "linear(0.1, 80, { startFactor: 1, endFactor: 0.1 })",
  polynomial: "polynomial(0.1, 100, { power: 2 })",
  cosine: "cosine(0.1, 100)",
  cosineRestarts: "cosineRestarts(0.1, 14, { factor: 2 })",
  inverseSqrt: "inverseSqrt(0.1, 10)",
  oneCycle: "oneCycle(0.1, 100)",
  cyclic: 'cyclic(0.01, 0.1, { stepSizeUp: 12, mode: "triangular2" })',
  trapezoid: "trapezoid(0.1, 100, { warmupSteps: 10, decaySteps: 30 })",
  piecewise: "piecewise([[0, 0.02], [20, 0.1], [60, 0.05], [100, 0]])",
  warmup: "warmup(cosine(0.1, 80), 20)",
  sequence: "sequence([[linear(0.1, 10), 10], [constant(0.1), 50], [exponential(0.1, 0.95)]])",
};

/** The metric of the drawing of a plateau: it falls, and stops to fall twice. */
const metric = (step: number) => Math.max(1 - step / 30, 0.4 - (step > 60 ? (step - 60) / 100 : 0), 0.25);

function valuesOf(code: string): number[] {
  const schedule = new Function(...Object.keys(optim), `return ${code};`)(...Object.values(optim)) as optim.Schedule;
  return Array.from({ length: STEPS + 1 }, (_, step) => schedule(step));
}

function plateauValues(): number[] {
  const plateau = new optim.Plateau(0.1, { factor: 0.4, patience: 10 });
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const { value } = plateau;
    plateau.observe(metric(step));
    return value;
  });
}

const [LEFT, TOP, WIDTH, HEIGHT] = [38, 10, 300, 100];
const round = (x: number) => String(Math.round(x * 100) / 100);

/** A line of values from 0 to 0.1 over 100 steps. Greys and blue are legible on white and on black. */
function drawing(title: string, values: readonly number[]): string {
  const x = (step: number) => round(LEFT + (WIDTH * step) / STEPS);
  const y = (value: number) => round(TOP + HEIGHT * (1 - value / 0.1));
  const points = values.flatMap((value, step) => {
    // Where the value jumps, the line has a corner and no slope.
    const before = values[step - 1];
    const jumps = before !== undefined && Math.abs(value - before) > 0.015;
    return [...(jumps ? [`${x(step)},${y(before)}`] : []), `${x(step)},${y(value)}`];
  });
  const label = (at: string, text: string) => `<text ${at}>${text}</text>`;
  const [bottom, right] = [TOP + HEIGHT, LEFT + WIDTH];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${right + 12}" height="${bottom + 22}" role="img">`,
    `<title>${title}</title>`,
    `<g fill="none" stroke="#8b949e" stroke-width="1"><path d="M${LEFT} ${TOP}V${bottom}H${right}"/>`,
    `<path stroke-dasharray="2 4" d="M${LEFT} ${y(0.1)}H${right}M${LEFT} ${y(0.05)}H${right}"/></g>`,
    `<g fill="#8b949e" font-family="sans-serif" font-size="11">`,
    label(`x="${LEFT - 5}" y="${bottom + 4}" text-anchor="end"`, "0"),
    label(`x="${LEFT - 5}" y="${TOP + 4}" text-anchor="end"`, "0.1"),
    label(`x="${LEFT}" y="${bottom + 16}" text-anchor="middle"`, "0"),
    label(`x="${right}" y="${bottom + 16}" text-anchor="middle"`, "100"),
    "</g>",
    `<polyline fill="none" stroke="#3b82f6" stroke-width="2" stroke-linejoin="round" points="${points.join(" ")}"/>`,
    "</svg>\n",
  ].join("\n");
}

const index = readFileSync(join(root, "src/optim/index.ts"), "utf8");

/** The file in `src/optim` that exports a name. */
function sourceOf(name: string): string {
  const file = new RegExp(`export \\{[^}]*\\b${name}\\b[^}]*\\} from "\\./([a-z/-]+)\\.js"`).exec(index)?.[1];
  return readFileSync(join(root, `src/optim/${file}.ts`), "utf8");
}

/** The documentation of an export: its first sentence, formula, papers, and PyTorch's name for it. */
function documentationOf(name: string) {
  const source = sourceOf(name);
  const end = source.search(new RegExp(`^export (const|class) ${name}\\b`, "m"));
  const comment = source.slice(source.lastIndexOf("/**\n", end) + 4, end);
  const text = comment.replaceAll(/^ \* ?\/?/gm, "").replaceAll(/\{@link (\w+)\}/g, "`$1`");
  const [sentence] = text.split("\n\n");
  const formula = /^Formula[\s\S]*?(?=\n\n|\n@)/m.exec(text)?.[0] ?? "";
  return {
    sentence: sentence.replaceAll("\n", " ").trim(),
    formula: formula.replace(/\n```\n([\s\S]*)$/, "\n```\n\n$1").trim(),
    papers: Array.from(text.matchAll(/^@see ((?:(?!https?:).)*)$/gm), ([, paper]) => paper),
    torch: /torch\.optim\.(?:lr_scheduler\.)?(\w+)\.html/.exec(text)?.[1],
  };
}

/** Breaks a paragraph into lines of at most 120 columns. */
function wrap(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last.length + word.length >= 120) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.join("\n");
}

/** The default of an option, as its comment gives it: in the optimizer's file, else in those of its steps. */
function defaultOf(name: string, option: string): string {
  const source = sourceOf(name);
  const imported = (text: string, folder: string) =>
    Array.from(text.matchAll(/from "\.\/((?:steps\/)?[a-z-]+)\.js"/g), ([, file]) => {
      return readFileSync(join(root, "src/optim", folder, `${file}.ts`), "utf8");
    });
  const direct = imported(source, "");
  const others = [
    ...direct,
    ...direct.flatMap((text) => (text.includes('from "../rule.js"') ? imported(text, "steps") : [])),
  ];
  const own = source.slice(source.lastIndexOf(`interface ${name}Options`));
  for (const text of [own, source, ...others]) {
    const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*readonly ${option}\\?:`).exec(text)?.[1];
    if (!comment) continue;
    const words = comment.replaceAll(/\s*\n\s*\*\s*/g, " ");
    const found = /Default:? (.+?)(?:: |, range|, as PyTorch|; |\. |\.?\s*$)/.exec(words)?.[1];
    if (found) return /^no /.test(found) ? "none" : found;
  }
  throw new Error(`the option ${option} of ${name} has no default in its comment`);
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

function optimizerRow(name: string, className: string, options: readonly string[]): string {
  const { sentence, formula, papers, torch } = documentationOf(className);
  const [lead, block] = formula.split("```text\n");
  const condition =
    /^Formula, for the gradient g of each parameter θ(?: `\[M, K\]`)?,? ?(.*):$/s.exec(lead.trim())?.[1] ?? "";
  const lines = block
    .split("\n```")[0]
    .split("\n")
    .map((line) => `\`${line}\``);
  const defaults = options.map((option) => `\`${option}\` ${defaultOf(className, option)}`).join(", ");
  const what = sentence.replace(/^[^:]*: /, "");
  const upper = what.charAt(0).toUpperCase() + what.slice(1);
  const given = condition ? [condition.replaceAll("\n", " ")] : [];
  const source = [...(torch ? [`PyTorch's \`${torch}\``] : []), ...papers].join("; ");
  return `| **${className}**<br>\`${name}\` | ${[upper, ...given, ...lines].map(cell).join("<br>")} | ${defaults} | ${cell(source)} |`;
}

function optimizersDocument(): string {
  const classes = new Map(
    Object.entries(optim).flatMap(([name, value]) =>
      typeof value === "function" && value.prototype instanceof optim.Optimizer ? [[name.toLowerCase(), name]] : [],
    ),
  );
  const rows = optim.optimizers.entries.map(({ name, schema }) =>
    optimizerRow(name, classes.get(name.replaceAll("-", "")) as string, Object.keys(schema)),
  );
  const table = [
    "| optimizer | step, for the gradient g of each parameter θ | defaults | source |",
    "|---|---|---|---|",
    ...rows,
  ];
  return `${OPTIMIZERS_HEAD}\n${table.join("\n")}\n${OPTIMIZERS_TAIL}`;
}

/** Every file by its path from the root. */
export function optimDocuments(): Map<string, string> {
  const images = new Map(Object.entries(examples).map(([name, code]) => [name, { code, values: valuesOf(code) }]));
  images.set("Plateau", { code: "new Plateau(0.1, { factor: 0.4, patience: 10 }).schedule", values: plateauValues() });
  const files = new Map<string, string>();
  const sections = Array.from(images, ([name, { code, values }]) => {
    const path = `images/schedules/${name}.svg`;
    files.set(`docs/${path}`, drawing(code.replaceAll("&", "&amp;").replaceAll("<", "&lt;"), values));
    const { sentence, formula, torch } = documentationOf(name);
    const like = torch ? ` PyTorch: \`${torch}\`.` : "";
    return [
      `## ${name}`,
      "",
      wrap(`${sentence}${like}`),
      "",
      formula,
      "",
      `\`${code}\``,
      "",
      `![${name}](${path})`,
    ].join("\n");
  });
  files.set("docs/optimizers.md", optimizersDocument());
  files.set("docs/schedules.md", [HEAD, ...sections].join("\n\n").concat("\n"));
  return files;
}

const HEAD = `# Schedules

Every hyper-parameter of an optimizer may be a schedule instead of a number: a function of the number of the step,
counted from 0. An optimizer writes its value into a cell before each step, so a compiled step stays one program.

\`\`\`ts run
import { Linear } from "fovea/nn";
import { AdamW, cosine, linear, warmup } from "fovea/optim";

const model = new Linear(4, 2);
const optimizer = new AdamW(model.parameters(), {
  lr: warmup(cosine(1e-3, 10_000), 500),
  weightDecay: linear(0.05, 10_000, { startFactor: 1, endFactor: 4 }),
});
\`\`\`

Schedules are composed by one function, \`sequence\`; \`warmup\` is a sequence of two. A factor on another schedule is
\`scaleBySchedule\` in a chain, and \`(step) => …\` is a schedule too. The drawings are over 100 steps. This page is
written by \`npx tsx tools/optim-docs.ts\`.`;

const OPTIMIZERS_HEAD = `# Optimizers

An optimizer is a chain of small steps ([architecture](architecture.md#optimizers)); the classes have PyTorch's names
and defaults where PyTorch has them. The second name is that of configurations and of \`fovea train --optimizer\`. Every
number is a cell: it may be a [schedule](schedules.md), and setting it compiles nothing. This page is written from the
sources by \`npx tsx tools/optim-docs.ts\`; the steps of each optimizer are
[compared](../test/optim/optimizers.test.ts) with PyTorch's, or with the formula where PyTorch has none.
`;

const OPTIMIZERS_TAIL = `
## Momentum in both forms

PyTorch sums gradients and scales the sum by the learning rate, \`b ← μ·b + g\`, \`θ ← θ − η·b\`; textbooks also have a
velocity, \`v ← μ·v − η·g\`, \`θ ← θ + v\`. As chains they differ by the order of two steps:

\`\`\`ts run
import { Parameter, tensor } from "fovea";
import { chain, Optimizer, scaleByMomentum, scaleByRate } from "fovea/optim";

const take = async (lr: (step: number) => number) => {
  const forms = [chain(scaleByMomentum(0.9), scaleByRate(lr)), chain(scaleByRate(lr), scaleByMomentum(0.9))];
  const found: number[] = [];
  for (const form of forms) {
    const weight = new Parameter(tensor([1]));
    const optimizer = new Optimizer([weight], form);
    for (let step = 0; step < 3; step++) {
      weight.grad = tensor([1]);
      optimizer.step();
    }
    found.push(Number((await weight.item()).toFixed(3)));
  }
  return found;
};

console.log(await take(() => 0.1)); // [0.439, 0.439]
console.log(await take((step) => 0.1 / (step + 1))); // [0.715, 0.601]
\`\`\`

At a constant rate they take the same steps. When the rate falls, the sum is scaled by the new rate at once, while the
velocity keeps what the old rates gave it: it slows down with the time of the momentum, 1/(1 − μ) steps.

## What wraps any of them

- \`chain(AdamW.chain({ lr: 1e-3 }), lookahead())\`: Lookahead, with slow weights as state.
- \`chain(sharpnessAware({ rho: 0.05 }), AdamW.chain())\`: SAM's gradients; \`step\` then needs a closure.
- \`chain(clipByNorm(1), …)\`: clipping in front, also \`clipByValue\`, \`clipByUnitNorm\` (AGC) and \`clipByPercentile\`
  (AutoClip).
- \`chain(accumulate(4), …)\`: one update by four batches.
- \`chain(…, limitNorms(3))\`: max-norm constraint after the update.
- \`coupledL1\`, \`coupledDecay\`, \`decoupledL1\`, \`decoupledDecay\`: L1 and L2, both together the elastic net.
- \`partition({ … })\`: other chains for other parameters.
`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(root, "docs/images/schedules"), { recursive: true });
  for (const [path, text] of optimDocuments()) writeFileSync(join(root, path), text);
}
