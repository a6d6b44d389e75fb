/** Chooses the builder of a kernel from its anchor. */
import { isOp } from "../../ir/graph.js";
import type { KernelBuilder } from "../kernel-builder.js";
import type { KernelPlan, NestPlan } from "../plan.js";
import { lowerAttention } from "./attention.js";
import { lowerAttentionGrad } from "./attention-grad.js";
import { lowerCholesky } from "./cholesky.js";
import { lowerConcat } from "./concat.js";
import { lowerConv } from "./conv.js";
import { lowerConvWeight } from "./conv-weight.js";
import { lowerGrouped } from "./grouped.js";
import { spansGroups } from "./grouped-plan.js";
import { lowerGroupedWeight } from "./grouped-weight.js";
import { lowerJacobi } from "./jacobi.js";
import { lowerLu } from "./lu.js";
import { lowerMap } from "./map.js";
import { lowerMatmul } from "./matmul.js";
import { lowerQr } from "./qr.js";
import { lowerArgmax, lowerReduce, type ReduceNest } from "./reduce.js";
import { isRowNode, lowerRows } from "./rows.js";
import { lowerScan } from "./scan.js";
import { lowerScatter } from "./scatter.js";
import { lowerArgsort } from "./sort.js";
import { lowerTriangularSolve } from "./triangular-solve.js";
import { lowerWinograd, lowerWinogradFilter } from "./winograd.js";
import { lowerWinogradWeight } from "./winograd-weight.js";

function lowerNest(builder: KernelBuilder, { anchor, roots }: NestPlan): number {
  if (!anchor) return lowerMap(builder, roots);
  if (isOp(anchor, "matmul")) return lowerMatmul(builder, anchor, roots);
  if (isOp(anchor, "conv2d")) {
    const spans = spansGroups(anchor.attrs.groups, anchor.shape[1], builder.lanes);
    return spans ? lowerGrouped(builder, anchor, roots) : lowerConv(builder, anchor, roots);
  }
  if (isOp(anchor, "convInputGrad")) return lowerConv(builder, anchor, roots);
  if (isOp(anchor, "winogradConv2d")) return lowerWinograd(builder, anchor, roots);
  if (isOp(anchor, "winogradFilter")) return lowerWinogradFilter(builder, anchor);
  if (isOp(anchor, "winogradWeightGrad")) return lowerWinogradWeight(builder, anchor);
  if (isOp(anchor, "convWeightGrad")) {
    return anchor.attrs.groups > 1 ? lowerGroupedWeight(builder, anchor) : lowerConvWeight(builder, anchor);
  }
  if (isOp(anchor, "attention")) return lowerAttention(builder, anchor);
  if (isOp(anchor, "attentionGrad")) return lowerAttentionGrad(builder, anchor);
  if (isOp(anchor, "concat")) return lowerConcat(builder, anchor, roots);
  if (isOp(anchor, "argmax")) return lowerArgmax(builder, anchor, roots);
  if (isRowNode(anchor)) return lowerRows(builder, anchor, roots);
  if (isOp(anchor, "scatter")) return lowerScatter(builder, anchor, roots);
  if (isOp(anchor, "argsort")) return lowerArgsort(builder, anchor, roots);
  if (isOp(anchor, "scan")) return lowerScan(builder, anchor, roots);
  if (isOp(anchor, "cholesky")) return lowerCholesky(builder, anchor, roots);
  if (isOp(anchor, "lu")) return lowerLu(builder, anchor, roots);
  if (isOp(anchor, "triangularSolve")) return lowerTriangularSolve(builder, anchor, roots);
  if (isOp(anchor, "qr")) return lowerQr(builder, anchor, roots);
  if (isOp(anchor, "jacobi")) return lowerJacobi(builder, anchor, roots);
  return isOp(anchor, "reduce") ? lowerReduce(builder, [{ anchor, roots }]) : 0;
}

/** Adds the kernel's parts to the builder; returns its arithmetic work. */
export function lowerKernel(builder: KernelBuilder, { nests, sharedPass }: KernelPlan): number {
  if (sharedPass) return lowerReduce(builder, nests.flatMap(reduceNestOf));
  return nests.reduce((flops, nest) => flops + lowerNest(builder, nest), 0);
}

const reduceNestOf = ({ anchor, roots }: NestPlan): ReduceNest[] =>
  anchor && isOp(anchor, "reduce") ? [{ anchor, roots }] : [];
