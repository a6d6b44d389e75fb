/**
 * Output of the commands: lines, colours if the terminal shows them, readable numbers. It must not know any command.
 */
import { styleText } from "node:util";

/** A stream to print to; `isTTY` and `columns` are those of `process.stdout`. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

type Style = "bold" | "dim" | "green" | "yellow" | "red" | "cyan";

/** Standard output and standard error of a command. */
export class Terminal {
  readonly out: Output;
  readonly #err: Output;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(out: Output, err: Output, environment: NodeJS.ProcessEnv) {
    this.out = out;
    this.#err = err;
    this.#environment = environment;
  }

  /** Whether the output is a terminal, whose lines can be redrawn. */
  get isInteractive(): boolean {
    return this.out.isTTY === true && this.#environment.TERM !== "dumb";
  }

  print(line = ""): void {
    this.out.write(`${line}\n`);
  }

  printJson(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  printError(line: string): void {
    this.#err.write(`${line}\n`);
  }

  /** The text in a style, or unchanged if colours are disabled (https://no-color.org). */
  paint(style: Style, text: string): string {
    return this.isInteractive && !this.#environment.NO_COLOR ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** `12345` as `12,345`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A share from 0 to 1 as `98.71 %`. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** Seconds as `0:08` or `1:02:03`. */
export function formatTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
