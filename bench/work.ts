/** What a peer is asked to do, as plain data that crosses between processes; the Python side spells the same. */

/** Layers that are timed forward and backward. */
export type PassName =
  | "softmax"
  | "attention"
  | "convTranspose2d"
  | "bilinear"
  | "groupNorm"
  | "layerNorm"
  | "instanceNorm"
  | "rmsNorm"
  | "gelu"
  | "geluTanh"
  | "silu"
  | "mish"
  | "elu"
  | "hardswish"
  | "softplus";

export type Work =
  | {
      readonly kind: "step";
      readonly model: "mlp" | "cnn" | "resnet18" | "resnet20" | "resnet50" | "depthwise" | "vit";
      readonly batch: number;
    }
  | {
      readonly kind: "infer";
      readonly model: "resnet18";
      readonly batch: number;
      /** Height and width of the images. */
      readonly size: number;
      readonly classes: number;
    }
  | {
      readonly kind: "conv";
      readonly pass: "forward" | "inputGradient" | "weightGradient";
      readonly batch: number;
      readonly channels: number;
      readonly side: number;
    }
  | {
      readonly kind: "pass";
      readonly op: PassName;
      readonly shape: readonly number[];
      /** Shapes of weight and bias; null without. */
      readonly weight: readonly number[] | null;
      readonly bias: readonly number[] | null;
      /** Shape of the output. */
      readonly output: readonly number[];
      /** How many tensors of the shape go in. */
      readonly operands: number;
    }
  | {
      /** One AdamW step with given gradients. */
      readonly kind: "optim";
      /** Of the parameters. */
      readonly shapes: readonly (readonly number[])[];
    }
  | { readonly kind: "matmul"; readonly m: number; readonly k: number; readonly n: number };
