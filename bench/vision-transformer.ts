/** ViT-Tiny, written against the public API as networks.py writes it with torch.nn; the API is handed in. */
import type { Module } from "../src/nn/index.js";
import type { Parameter, Tensor } from "../src/tensor/index.js";
import type { Api } from "./models.js";

const PATCH = 8;
const EMBED = 192;
const DEPTH = 12;
const HEADS = 3;
const HIDDEN = 768;

/** Classifies images of `size` pixels. Shape: `[N, 3, H, W] -> [N, classes]`. */
export function visionTransformer({ fovea, nn }: Pick<Api, "fovea" | "nn">, size: number, classes: number): Module {
  class VisionTransformer extends nn.Module {
    readonly clsToken: Parameter = new fovea.Parameter(fovea.zeros([1, 1, EMBED]));
    readonly posEmbed: Parameter = new fovea.Parameter(fovea.zeros([1, (size / PATCH) ** 2 + 1, EMBED]));
    readonly patchEmbed = new nn.Conv2d(3, EMBED, PATCH, { stride: PATCH });
    readonly encoder = new nn.TransformerEncoder(
      new nn.TransformerEncoderLayer(EMBED, HEADS, {
        dimFeedforward: HIDDEN,
        dropout: 0,
        activation: "gelu",
        batchFirst: true,
        normFirst: true,
      }),
      DEPTH,
      { norm: new nn.LayerNorm(EMBED) },
    );
    readonly head = new nn.Linear(EMBED, classes);

    override forward(images: Tensor): Tensor {
      const patches = this.patchEmbed(images).flatten({ startDim: 2 }).transpose(1, 2); // [N, T, D]
      const token = this.clsToken.expand([images.shape[0], 1, EMBED]);
      const x = this.encoder(fovea.concat([token, patches], { dim: 1 }).add(this.posEmbed)); // [N, T + 1, D]
      return this.head(x.select(1, 0));
    }
  }
  return new VisionTransformer();
}
