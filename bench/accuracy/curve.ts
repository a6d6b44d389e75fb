/**
 * Draws a run's training loss and accuracy by epoch as an image: `npx tsx bench/accuracy/curve.ts <run> <file.svg>`.
 * It knows the run folder's metrics, no model.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const epochEvent = z.object({ event: z.literal("epoch"), epoch: z.number(), loss: z.number(), accuracy: z.number() });
type Epoch = z.infer<typeof epochEvent>;

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT] = [640, 300, 52, 16, 36, 44];

/** Whole epochs of a run, in order. */
function epochsOf(run: string): Epoch[] {
  return readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .flatMap((line) => {
      const parsed = epochEvent.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    });
}

function draw(epochs: readonly Epoch[]): string {
  const last = epochs[epochs.length - 1].epoch;
  const highest = Math.ceil(Math.max(...epochs.map(({ loss }) => loss)) * 2) / 2;
  const x = (epoch: number) => LEFT + ((epoch - 1) / Math.max(1, last - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (share: number) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const line = (color: string, share: (epoch: Epoch) => number) =>
    `<polyline fill="none" stroke="${color}" stroke-width="2" points="${epochs
      .map((each) => `${x(each.epoch).toFixed(1)},${y(share(each)).toFixed(1)}`)
      .join(" ")}"/>`;
  const text = (at: number, up: number, anchor: string, color: string, content: string) =>
    `<text x="${at}" y="${up.toFixed(1)}" text-anchor="${anchor}" fill="${color}">${content}</text>`;
  const [blue, red, grey] = ["#2563eb", "#dc2626", "#6b7280"];
  const levels = [0, 0.2, 0.4, 0.6, 0.8, 1].flatMap((level) => [
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(level)}" y2="${y(level)}" stroke="#e5e7eb"/>`,
    text(LEFT - 6, y(level) + 4, "end", blue, `${Math.round(level * 100)} %`),
    text(WIDTH - RIGHT + 6, y(level) + 4, "start", red, (level * highest).toFixed(1)),
  ]);
  const step = Math.max(1, Math.ceil(last / 12));
  const ticks = epochs
    .filter(({ epoch }) => (epoch - 1) % step === 0)
    .map(({ epoch }) => text(Number(x(epoch).toFixed(1)), HEIGHT - BOTTOM + 18, "middle", grey, `${epoch}`));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    ...levels,
    ...ticks,
    line(blue, ({ accuracy }) => accuracy),
    line(red, ({ loss }) => loss / highest),
    text(WIDTH / 2, HEIGHT - 4, "middle", grey, "epoch · training accuracy (blue), training loss (red)"),
    "</svg>",
    "",
  ].join("\n");
}

const [run, file] = process.argv.slice(2);
if (!run || !file) throw new Error("usage: npx tsx bench/accuracy/curve.ts <run> <file.svg>");
writeFileSync(file, draw(epochsOf(run)));
