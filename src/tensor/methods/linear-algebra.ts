/** Products of matrices. */
import { takes } from "../../util/arguments.js";
import { matmul } from "../contract.js";
import type { Tensor } from "../tensor.js";
import { tensorKind } from "./core.js";
import { Sorting } from "./sorting.js";

export abstract class LinearAlgebra extends Sorting {
  /** Matrix product [.., M, K] · [.., K, N] -> [.., M, N], broadcasting leading axes; of u8 and bool it is i32. */
  matmul(other: Tensor): Tensor {
    return this.make(matmul(this.node, other.node));
  }
}

export const linearAlgebraParameters = {
  matmul: takes({ other: tensorKind }),
};
