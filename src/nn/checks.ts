/**
 * Checks of input shapes with the same wording for every layer: the message begins with the op and names the culprit
 * and the module path. This file must not know any layer, nor build any graph.
 */
import { shapeError } from "../tensor/check.js";
import type { Tensor } from "../tensor/index.js";

/** The text of a shape: `[8, 1, 28, 28]`. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Throws unless x is an image batch `[N, C, H, W]`, with `channels` channels if that is given. */
export function checkImages(op: string, x: Tensor, channels?: number): void {
  if (x.rank !== 4) {
    const hint =
      x.rank === 3 ? "Add the batch axis with x.unsqueeze(0)" : "Reshape x to images: x.reshape([N, C, H, W])";
    throw shapeError(op, `expected x of rank 4 [N, C, H, W], got x ${shapeText(x.shape)}`, hint);
  }
  if (channels !== undefined) checkChannels(op, x, channels);
}

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
