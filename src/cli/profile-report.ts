/**
 * Shows a profile: the table of layers, the sums, and the biggest gaps; or one JSON object per line. It must not know
 * how a profile is made.
 */
import {
  gapsOf,
  type ModelProfile,
  type ModelProfileOptions,
  type ProfiledMachine,
  type ProfileRow,
} from "../train/profile.js";
import { formatCount, type Terminal } from "./terminal.js";

/** Number of rows listed as the biggest gaps. */
const GAPS = 10;

/** Prints one JSON object per line: the profiled step, one line for each row, the totals. */
export function printJson(terminal: Terminal, options: ModelProfileOptions, made: ModelProfile): void {
  terminal.printJson({ event: "profile", ...options, ...made.machine });
  for (const row of made.rows) terminal.printJson({ event: "layer", ...row });
  const gaps = gapsOf(made, GAPS).map(({ layer, part, us, boundUs }) => ({ layer, part, gapUs: us - boundUs }));
  terminal.printJson({ event: "done", ...made.totals, gaps });
}

/** Prints a title that names the step before it is measured. */
export function printTitle(terminal: Terminal, options: ModelProfileOptions): void {
  const { model, batch, size, work, steps } = options;
  const what = work === "train" ? "training step" : "forward pass";
  const title = [model, what, `batch ${batch}`, `${size} x ${size} pixels`, `median of ${steps} steps`];
  terminal.print(`${terminal.paint("bold", title[0])} · ${title.slice(1).join(" · ")}`);
}

function printMachine(terminal: Terminal, { device, lanes, threads, peaks }: ProfiledMachine): void {
  const rates = peaks.bandwidths.map(({ gigabytesPerSecond }) => gigabytesPerSecond);
  const memory = `memory ${rates[rates.length - 1].toFixed(0)} GB/s, caches up to ${Math.max(...rates).toFixed(0)}`;
  const threadText = `${threads} thread${threads > 1 ? "s" : ""}, vectors of ${lanes} floats`;
  terminal.print(`${device}, ${threadText} · measured peak ${peaks.gflops.toFixed(0)} GFLOP/s, ${memory}`);
  terminal.print();
}

interface Column {
  readonly head: string;
  /** Alignment of the column: text to the left, numbers to the right. */
  readonly align: "left" | "right";
  readonly cell: (row: ProfileRow) => string;
}

const columns: readonly Column[] = [
  { head: "part", align: "left", cell: ({ part }) => part.replace("gradient", "grad") },
  { head: "n", align: "right", cell: ({ kernels }) => String(kernels.length) },
  { head: "µs", align: "right", cell: ({ us }) => formatUs(us) },
  { head: "step", align: "right", cell: ({ share }) => `${(100 * share).toFixed(1)} %` },
  { head: "GFLOP", align: "right", cell: ({ gflop }) => gflop.toFixed(3) },
  { head: "MB", align: "right", cell: ({ megabytes }) => megabytes.toFixed(2) },
  { head: "bound", align: "left", cell: ({ bound }) => bound },
  { head: "µs", align: "right", cell: ({ boundUs }) => formatUs(boundUs) },
];

/** Prints the table, the totals, and the biggest gaps. */
export function printProfile(terminal: Terminal, made: ModelProfile): void {
  const { rows, machine } = made;
  printMachine(terminal, machine);
  const layerWidth = Math.max(5, ...rows.map(({ layer }) => layer.length));
  const widths = columns.map(({ head, cell }) => Math.max(head.length, ...rows.map((row) => cell(row).length)));
  const padded = (text: string, i: number) =>
    columns[i].align === "left" ? text.padEnd(widths[i]) : text.padStart(widths[i]);
  const line = (layer: string, cells: readonly string[]) => `${layer.padEnd(layerWidth)}  ${cells.join("  ")}`;
  const head = line(
    "layer",
    columns.map((column, i) => padded(column.head, i)),
  );
  const room = (terminal.out.columns ?? 100) - head.length - "reached".length - 4;
  terminal.print(terminal.paint("dim", `${head}  reached`));
  let last = "";
  for (const row of rows) {
    const cells = line(
      row.layer === last ? "" : row.layer,
      columns.map(({ cell }, i) => padded(cell(row), i)),
    );
    last = row.layer;
    const reached = paintReached(terminal, row);
    terminal.print(`${cells}  ${reached}${terminal.paint("dim", fusedNote(row, room))}`.trimEnd());
  }
  printTotals(terminal, made);
  printGaps(terminal, made);
}

/** Names other layers whose operations are fused into the kernels, as many as fit the width. */
function fusedNote({ fused }: ProfileRow, room: number): string {
  if (fused.length === 0) return "";
  const whole = `  with ${fused.join(", ")}`;
  if (whole.length <= room) return whole;
  const counted = `  with ${fused.length} other${fused.length > 1 ? "s" : ""}`;
  return counted.length <= room ? counted : "";
}

function paintReached(terminal: Terminal, { reached, share }: ProfileRow): string {
  const text = `${(100 * reached).toFixed(0)} %`.padStart("reached".length);
  // Rows below 0.1 % of the time are dimmed: making them faster would gain nothing.
  if (share < 0.001) return terminal.paint("dim", text);
  return terminal.paint(reached >= 0.8 ? "green" : reached >= 0.4 ? "yellow" : "red", text);
}

function printTotals(terminal: Terminal, { totals, machine }: ModelProfile): void {
  const { stepUs, kernelsUs, betweenUs, boundUs, kernels, gflop, megabytes, gflops, shareOfPeak, arenaBytes } = totals;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const lines = [
    ["step", `${formatMs(stepUs)} ms`, `sum of the bounds ${formatMs(boundUs)} ms, ${percent(boundUs / stepUs)}`],
    [
      "kernels",
      `${formatMs(kernelsUs)} ms`,
      `${kernels} kernels, ${gflop.toFixed(2)} GFLOP, ${formatCount(megabytes)} MB`,
    ],
    ["between kernels", `${formatMs(betweenUs)} ms`, percent(betweenUs / stepUs)],
    [
      "effective",
      `${gflops.toFixed(0)} GFLOP/s`,
      `${percent(shareOfPeak)} of the peak of ${machine.peaks.gflops.toFixed(0)}`,
    ],
    ["arena", `${(arenaBytes / 2 ** 20).toFixed(1)} MiB`, "memory of what does not outlive the step"],
  ];
  const width = Math.max(...lines.map(([, value]) => value.length));
  terminal.print();
  for (const [name, value, note] of lines) {
    terminal.print(`${name.padEnd(16)} ${terminal.paint("green", value.padStart(width))}  (${note})`);
  }
}

/** Prints the rows that take longest beyond their bound. */
function printGaps(terminal: Terminal, made: ModelProfile): void {
  const gaps = gapsOf(made, GAPS);
  const names = gaps.map(({ layer, part }) => `${layer} ${part.replace("gradient", "grad")}`);
  const width = Math.max(0, ...names.map(({ length }) => length));
  terminal.print();
  terminal.print(terminal.paint("bold", "biggest gaps: time above the bound"));
  gaps.forEach(({ us, boundUs, bound, share }, i) => {
    const above = `${formatUs(us - boundUs).padStart(7)} µs`;
    const step = `${((100 * share * (us - boundUs)) / us).toFixed(1)} %`.padStart(6);
    const why = `${formatUs(us)} µs where ${bound} needs ${formatUs(boundUs)}`;
    terminal.print(`${names[i].padEnd(width)}  ${terminal.paint("yellow", above)}  ${step} of the step  (${why})`);
  });
}

const formatMs = (us: number): string => (us / 1e3).toFixed(us < 1e4 ? 2 : 1);

/** Microseconds in three digits, or with all digits before the point: `0.42`, `7.31`, `56.1`, `1,204`. */
function formatUs(us: number): string {
  return us < 9.995 ? us.toFixed(2) : us < 99.95 ? us.toFixed(1) : formatCount(us);
}
