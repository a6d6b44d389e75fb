/**
 * A line chart on a canvas: grid, a faint line of all values, a strong line on top. It must not know what is plotted.
 */
type Point = readonly [x: number, y: number];

export interface Axis {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  format(value: number): string;
  /** What is drawn in even steps; default the value itself. */
  transform?(value: number): number;
}

export interface Content {
  readonly strong: readonly Point[];
  readonly faint?: readonly Point[];
}

const MARGIN = { left: 44, right: 14, top: 8, bottom: 28 } as const;
const EMPTY: Content = { strong: [] };

export class Chart {
  readonly #canvas: HTMLCanvasElement;
  readonly #x: Axis;
  readonly #y: Axis;
  #content = EMPTY;

  constructor(canvas: HTMLCanvasElement, x: Axis, y: Axis) {
    this.#canvas = canvas;
    this.#x = x;
    this.#y = y;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  show(content: Content): void {
    this.#content = content;
    this.#draw();
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const density = devicePixelRatio;
    const context = this.#canvas.getContext("2d");
    if (!context || width === 0) return;
    this.#canvas.width = Math.round(width * density);
    this.#canvas.height = Math.round(height * density);
    context.scale(density, density);
    const style = getComputedStyle(this.#canvas);
    // Canvas knows no light-dark(): computed colours of real properties are resolved, those of variables are not.
    const colours = {
      grid: colour("--line"),
      text: colour("--quiet"),
      faint: colour("--faint"),
      strong: colour("--accent"),
    };
    const atX = place(this.#x, MARGIN.left, width - MARGIN.right);
    const atY = place(this.#y, height - MARGIN.bottom, MARGIN.top);

    context.font = `12px ${style.fontFamily}`;
    context.fillStyle = colours.text;
    context.strokeStyle = colours.grid;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of this.#y.ticks) {
      const y = Math.round(atY(tick)) + 0.5;
      context.beginPath();
      context.moveTo(MARGIN.left, y);
      context.lineTo(width - MARGIN.right, y);
      context.stroke();
      context.fillText(this.#y.format(tick), MARGIN.left - 8, y);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    for (const tick of this.#x.ticks) context.fillText(this.#x.format(tick), atX(tick), height - 6);

    const { faint = [], strong } = this.#content;
    context.lineJoin = "round";
    this.#line(
      context,
      faint.map(([x, y]) => [atX(x), atY(y)]),
      colours.faint,
      1,
    );
    this.#line(
      context,
      strong.map(([x, y]) => [atX(x), atY(y)]),
      colours.strong,
      2,
    );
    const end = strong.at(-1);
    if (!end) return;
    context.fillStyle = colours.strong;
    context.beginPath();
    context.arc(atX(end[0]), atY(end[1]), 3.5, 0, 2 * Math.PI);
    context.fill();
  }

  #line(context: CanvasRenderingContext2D, points: readonly Point[], stroke: string, width: number): void {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
  }
}

/** From values of an axis to pixels; values beyond its ends stay at them. */
function place({ min, max, transform = (value) => value }: Axis, from: number, to: number): (value: number) => number {
  const [low, high] = [transform(min), transform(max)];
  return (value) => {
    const share = (transform(Math.min(max, Math.max(min, value))) - low) / (high - low);
    return from + share * (to - from);
  };
}

/** A custom property as a colour that a canvas understands: variables keep `light-dark()`, properties resolve it. */
export function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
