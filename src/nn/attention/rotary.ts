/** Rotations of features by position: as a function, as a layer, and as an entry of the registry. */
import { shapeError } from "../../tensor/check.js";
import { stack, type Tensor, tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { flag, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { layerEntry } from "../entries.js";
import { Module } from "../module.js";
import { angle, BASE } from "./waves.js";

export interface RotaryOptions {
  /** Base of the wave lengths. Default 10000, range > 0. */
  readonly base?: number;
  /** Whether pairs are neighbours (2i, 2i + 1), as in the paper; else (i, i + D/2). Default true. */
  readonly interleaved?: boolean;
}

const rotaryKinds = { base: range(Number.MIN_VALUE, Number.POSITIVE_INFINITY), interleaved: flag };

/**
 * Rotates pairs of features by angles that grow with the position, so that products of queries and keys depend on their
 * distance alone.
 *
 * Shape: `[..., T, D]`, unchanged, D even. Formula: the pair i of position t is turned by `θ = t / base^(2i/D)`:
 * `(a, b) -> (a cos θ − b sin θ, a sin θ + b cos θ)`.
 *
 * @throws ShapeError if the last axis is odd
 * @see Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864
 * @example
 * const q = functional.rotaryEmbedding(ones([1, 4, 10, 8])); // shape [1, 4, 10, 8]
 */
export const rotaryEmbedding = checked(
  "rotaryEmbedding",
  takes<RotaryOptions>({ x: tensorKind }, rotaryKinds),
  (x: Tensor, { base = BASE, interleaved = true }: RotaryOptions = {}): Tensor => {
    if (x.rank < 2 || x.shape[x.rank - 1] % 2 !== 0) {
      throw shapeError("rotaryEmbedding", `expected x [..., T, D] with D even, got x ${shapeText(x.shape)}`);
    }
    const [T, D] = x.shape.slice(-2);
    const half = D / 2;
    const table = (of: (phase: number) => number) =>
      tensor(
        Array.from({ length: T * half }, (_, i) => of(angle(Math.floor(i / half), i % half, D, base))),
        { shape: [T, half], dtype: x.dtype },
      );
    const [cos, sin] = [table(Math.cos), table(Math.sin)];
    const axis = interleaved ? x.rank : x.rank - 1;
    const pairs = x.reshape([...x.shape.slice(0, -1), ...(interleaved ? [half, 2] : [2, half])]);
    const [a, b] = [0, 1].map((i) => pairs.slice(axis, i, i + 1).squeeze({ dim: axis })); // [..., T, D / 2]
    const turned = [a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))];
    return stack(turned, { dim: axis }).reshape(x.shape);
  },
);

const parameters = takes<RotaryOptions>({}, rotaryKinds);
const check = checkedConstructor("RotaryEmbedding", parameters);

/**
 * Rotates pairs of features by angles that grow with the position; for queries and keys.
 *
 * Shape: `[..., T, D]`, unchanged, D even. Formula: the pair i of position t is turned by `θ = t / base^(2i/D)`:
 * `(a, b) -> (a cos θ − b sin θ, a sin θ + b cos θ)`.
 *
 * @throws ShapeError from the call if the last axis is odd
 * @see Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864
 * @example
 * const q = new RotaryEmbedding({ interleaved: false })(ones([1, 4, 10, 8])); // shape [1, 4, 10, 8]
 */
export class RotaryEmbedding extends Module {
  readonly base: number;
  readonly interleaved: boolean;

  constructor(options: RotaryOptions = {}) {
    check([options]);
    super();
    this.base = options.base ?? BASE;
    this.interleaved = options.interleaved ?? true;
  }

  override forward(x: Tensor): Tensor {
    const { base, interleaved } = this;
    return rotaryEmbedding(x, { base, interleaved });
  }
}

export const rotaryEmbeddingEntry = layerEntry("RotaryEmbedding", parameters, RotaryEmbedding);
