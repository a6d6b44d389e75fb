/**
 * Checks of input shapes with the same wording for every layer: the message begins with the op and names the culprit
 * and the module path. This file must not know any layer, nor build any graph.
 */
import { shapeError } from "../tensor/check.js";
import type { Tensor } from "../tensor/index.js";
import { AXES, type Rank } from "../tensor/sizes.js";

/** The text of a shape: `[8, 1, 28, 28]`. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Throws unless x is a batch `[N, C, ...]` with `rank` axes of space, and `channels` channels if that is given. */
export function checkSpace(op: string, rank: Rank, x: Tensor, channels?: number): void {
  if (x.rank !== rank + 2) {
    const hint =
      x.rank === rank + 1
        ? "Add the batch axis with x.unsqueeze(0)"
        : `Reshape x to ${SAMPLES[rank]}: x.reshape([N, C, ${AXES[rank]}])`;
    throw shapeError(op, `expected x of rank ${rank + 2} [N, C, ${AXES[rank]}], got x ${shapeText(x.shape)}`, hint);
  }
  if (channels !== undefined) checkChannels(op, x, channels);
}

const SAMPLES = { 1: "sequences", 2: "images", 3: "volumes" } as const;

/** Throws unless x is an image batch `[N, C, H, W]`, with `channels` channels if that is given. */
export const checkImages = (op: string, x: Tensor, channels?: number): void => checkSpace(op, 2, x, channels);

/** Throws unless axis 1 of `[N, C, ...]` has `channels` channels. */
export function checkChannels(op: string, x: Tensor, channels: number): void {
  if (x.shape[1] === channels) return;
  const hint =
    x.rank > 2 && x.shape[x.rank - 1] === channels
      ? "The channels seem to come last: move that axis to place 1 with x.permute"
      : `Give the layer ${plural(x.shape[1])}, or correct the input`;
  throw shapeError(op, `expected ${plural(channels)}, got x ${shapeText(x.shape)}`, hint);
}

/** Throws unless each vector has one value per channel of `[N, C, ...]`. */
export function checkPerChannel(
  op: string,
  x: Tensor,
  vectors: Readonly<Record<string, Tensor | null | undefined>>,
): void {
  const C = x.shape[1];
  for (const [name, vector] of Object.entries(vectors)) {
    if (vector && (vector.rank !== 1 || vector.shape[0] !== C)) {
      const problem = `expected ${name} [${C}] for x ${shapeText(x.shape)}, got ${name} ${shapeText(vector.shape)}`;
      throw shapeError(op, problem, "Use one value per channel");
    }
  }
}

function plural(channels: number): string {
  return `${channels} input ${channels === 1 ? "channel" : "channels"}`;
}
