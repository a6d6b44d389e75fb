/** What a peer is asked to do, as plain data that crosses between processes; the Python side spells the same. */

export type Work =
  | { readonly kind: "step"; readonly model: "mlp" | "cnn"; readonly batch: number }
  | {
      readonly kind: "conv";
      readonly pass: "forward" | "inputGradient" | "weightGradient";
      readonly batch: number;
      readonly channels: number;
      readonly side: number;
    }
  | { readonly kind: "matmul"; readonly m: number; readonly k: number; readonly n: number };
