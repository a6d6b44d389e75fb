/**
 * The area to draw in: pointer, touch and keyboard make strokes, or a ready image is shown. It must not know what
 * becomes of the drawing.
 */
import { colour } from "./chart.js";
import { type Drawing, SIDE } from "./preprocess.js";

type Place = readonly [x: number, y: number];

const PEN = 22;
/** How far one press of an arrow key goes. */
const STRIDE = 8;

const moves: Readonly<Record<string, Place>> = {
  ArrowLeft: [-STRIDE, 0],
  ArrowRight: [STRIDE, 0],
  ArrowUp: [0, -STRIDE],
  ArrowDown: [0, STRIDE],
};

export class Pad {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #changed: () => void;
  #strokes: Place[][] = [];
  #image: Uint8Array | undefined;
  /** The pen of the keyboard; shown once an arrow key was pressed. */
  #pen: { at: Place; down: boolean } | undefined;

  /**
   * @param area takes the focus and the keys.
   * @param changed is called when what is drawn has changed.
   */
  constructor(area: HTMLElement, canvas: HTMLCanvasElement, changed: () => void) {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("This browser has no 2-d canvas");
    this.#canvas = canvas;
    this.#context = context;
    this.#changed = changed;
    area.tabIndex = 0; // of no use before there is a pen
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#follow(event));
    area.addEventListener("keydown", (event) => this.#key(event));
    area.addEventListener("blur", () => this.#liftPen());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(true));
  }

  get empty(): boolean {
    return this.#strokes.length === 0 && !this.#image;
  }

  clear(): void {
    this.#strokes = [];
    this.#image = undefined;
    if (this.#pen) this.#pen = { ...this.#pen, down: false };
    this.#update();
  }

  /** Shows an image of [28 · 28] bytes instead of strokes. */
  show(image: Uint8Array): void {
    this.#strokes = [];
    this.#image = image;
    this.#update();
  }

  /** The image that is shown, if it is none that was drawn. */
  get image(): Uint8Array | undefined {
    return this.#image;
  }

  /** What was drawn, without the pen. */
  read(): Drawing {
    const { width, height } = this.#canvas;
    this.#draw(false);
    const { data } = this.#context.getImageData(0, 0, width, height);
    this.#draw(true);
    return { width, height, ink: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i + 3]) };
  }

  #begin(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pen = undefined;
    this.#startStroke(this.#placeOf(event));
  }

  #follow(event: PointerEvent): void {
    if (!this.#canvas.hasPointerCapture(event.pointerId)) return;
    const events = event.getCoalescedEvents();
    for (const one of events.length > 0 ? events : [event]) this.#strokes.at(-1)?.push(this.#placeOf(one));
    this.#update();
  }

  #placeOf({ clientX, clientY }: PointerEvent): Place {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [((clientX - left) / width) * this.#canvas.width, ((clientY - top) / height) * this.#canvas.height];
  }

  #startStroke(at: Place): void {
    this.#image = undefined;
    this.#strokes.push([at]);
    this.#update();
  }

  #key(event: KeyboardEvent): void {
    const move = moves[event.key];
    if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key === " ") this.#togglePen();
    else if (move) this.#movePen(move);
    else return;
    event.preventDefault();
  }

  #togglePen(): void {
    const { at, down } = this.#pen ?? this.#newPen();
    this.#pen = { at, down: !down };
    if (down) this.#draw(true);
    else this.#startStroke(at);
  }

  #movePen([dx, dy]: Place): void {
    const { at, down } = this.#pen ?? this.#newPen();
    const within = (value: number, size: number) => Math.min(size - PEN / 2, Math.max(PEN / 2, value));
    const next: Place = [within(at[0] + dx, this.#canvas.width), within(at[1] + dy, this.#canvas.height)];
    this.#pen = { at: next, down };
    if (down) {
      this.#strokes.at(-1)?.push(next);
      this.#update();
    } else this.#draw(true);
  }

  #newPen(): { at: Place; down: boolean } {
    return { at: [this.#canvas.width / 2, this.#canvas.height / 4], down: false };
  }

  #liftPen(): void {
    this.#pen = undefined;
    this.#draw(true);
  }

  #update(): void {
    this.#draw(true);
    this.#changed();
  }

  #draw(withPen: boolean): void {
    const context = this.#context;
    const { width, height } = this.#canvas;
    context.clearRect(0, 0, width, height);
    const ink = colour("--ink");
    if (this.#image) paintDigit(context, this.#image, ink, width);
    context.strokeStyle = ink;
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const [first, ...rest] of this.#strokes) {
      context.beginPath();
      context.moveTo(...first);
      context.lineTo(...first); // a stroke of one point is a dot
      for (const at of rest) context.lineTo(...at);
      context.stroke();
    }
    if (!withPen || !this.#pen) return;
    context.strokeStyle = colour("--accent");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(...this.#pen.at, this.#pen.down ? PEN / 4 : PEN / 2, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** Paints [28 · 28] bytes of ink as a square with sides of `size`. */
export function paintDigit(context: CanvasRenderingContext2D, pixels: Uint8Array, ink: string, size: number): void {
  const small = new OffscreenCanvas(SIDE, SIDE);
  const layer = small.getContext("2d");
  if (!layer) return;
  const image = layer.createImageData(SIDE, SIDE);
  for (const [i, value] of pixels.entries()) image.data[4 * i + 3] = value;
  layer.putImageData(image, 0, 0);
  layer.globalCompositeOperation = "source-in";
  layer.fillStyle = ink;
  layer.fillRect(0, 0, SIDE, SIDE);
  context.clearRect(0, 0, size, size);
  context.drawImage(small, 0, 0, size, size);
}
