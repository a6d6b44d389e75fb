/** The Gaussian error linear unit: as a function, as a layer, and as an entry of the registry. */
import type { Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { word } from "../../util/kinds.js";
import { activationEntry, layerEntry } from "../entries.js";
import { Module } from "../module.js";

export interface GELUOptions {
  /** `none` (default) computes the error function, `tanh` an approximation by a hyperbolic tangent. */
  readonly approximate?: "none" | "tanh";
}

const options = { approximate: word(["none", "tanh"]) };
/** From here on both halves of the approximation are 0 or 1 in float64; the cube of larger numbers would overflow. */
const SATURATED = 10;

/**
 * Gaussian error linear unit: x times the probability that a standard normal variable is below x.
 *
 * Shape: any, unchanged. Formula: `y = x · Φ(x) = x · (1 + erf(x / √2)) / 2`; with `approximate: "tanh"`,
 * `y = x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2`.
 *
 * @see Hendrycks & Gimpel 2016, "Gaussian Error Linear Units", arXiv:1606.08415
 * @example
 * const y = gelu(tensor([-1, 0, 1])); // [-0.1587, 0, 0.8413]
 */
export const gelu = checked(
  "gelu",
  takes<GELUOptions>({ x: tensorKind }, options),
  (x: Tensor, { approximate = "none" }: GELUOptions = {}): Tensor => {
    const value = floats(x);
    if (approximate === "none") return value.mul(0.5).mul(value.mul(Math.SQRT1_2).erf().add(1));
    const limited = value.clamp({ min: -SATURATED, max: SATURATED });
    const cubic = limited.mul(limited.square().mul(0.044715).add(1)); // x + 0.044715 x³
    return value.mul(0.5).mul(
      cubic
        .mul(Math.sqrt(2 / Math.PI))
        .tanh()
        .add(1),
    );
  },
);

const parameters = takes<GELUOptions>({}, options);
const check = checkedConstructor("GELU", parameters);

/**
 * Gaussian error linear unit.
 *
 * Shape: any, unchanged. Formula: `y = x · Φ(x) = x · (1 + erf(x / √2)) / 2`; with `approximate: "tanh"`,
 * `y = x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2`.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.GELU.html
 * @example
 * const y = new GELU({ approximate: "tanh" })(tensor([-1, 0, 1])); // [-0.1588, 0, 0.8412]
 */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(options: GELUOptions = {}) {
    check([options]);
    super();
    this.approximate = options.approximate ?? "none";
  }

  override forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }
}

export const geluEntry = activationEntry({
  name: "gelu",
  schema: options,
  make: (options: GELUOptions) => (x) => gelu(x, options),
  layer: layerEntry("GELU", parameters, GELU),
});
