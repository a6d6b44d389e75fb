/** WebAssembly's text format, by wabt: the encoder's bytes as other tools read them. */
import wabt from "wabt";

const tools = await wabt();
const features = { simd: true, threads: true, relaxed_simd: true, sat_float_to_int: true };

/** The text of a module. With `validate`, by wabt's own rules, which know neither threads nor relaxed SIMD. */
export function watOf(bytes: Uint8Array, { validate = false } = {}): string {
  const module = tools.readWasm(bytes, { ...features, readDebugNames: true, check: validate });
  try {
    if (validate) module.validate();
    return module.toText({ foldExprs: false, inlineExport: false });
  } finally {
    module.destroy();
  }
}

/** The loops that hold no other, each as its lines. Loops without a step count for nothing. */
export function innerLoops(wat: string): string[][] {
  const open: { word: string; lines: string[]; holdsLoop: boolean }[] = [];
  const found: string[][] = [];
  for (const line of wat.split("\n").map((text) => text.trim())) {
    const [word] = line.split(/[ )]/);
    if (word === "loop" || word === "block" || word === "if") open.push({ word, lines: [], holdsLoop: false });
    else if (word === "end") {
      const closed = open.pop();
      if (closed?.word !== "loop" || closed.lines.length === 0) continue;
      if (!closed.holdsLoop) found.push(closed.lines);
      for (const each of open) each.holdsLoop = true;
    } else for (const each of open) each.lines.push(line);
  }
  return found;
}
