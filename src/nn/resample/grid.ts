/** Sampling of images and volumes at computed positions, and the grids of affine maps. */
import { shapeError } from "../../tensor/check.js";
import { sameDType } from "../../tensor/contract.js";
import { arange, stack, type Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { flag, shape as shapeKind, word } from "../../util/kinds.js";
import { shapeText } from "../checks.js";

export interface GridSampleOptions {
  /** Interpolation between pixels; bicubic for images alone. Default `"bilinear"`. */
  readonly mode?: "bilinear" | "nearest" | "bicubic";
  /** Values outside: zeros, those of the nearest edge, or those of the mirror image. Default `"zeros"`. */
  readonly paddingMode?: "zeros" | "border" | "reflection";
  /** Whether −1 and 1 are the centres of the corner pixels, not their outer edges. Default false. */
  readonly alignCorners?: boolean;
}

/** A coordinate in pixels along an axis, as the padding mode moves it. */
interface Coordinate {
  readonly at: Tensor;
  readonly length: number;
}

/**
 * Samples images at positions of a grid, whose last axis holds x, y (and z) from −1 to 1.
 *
 * Shape: `[N, C, H, W], grid [N, Ho, Wo, 2] -> [N, C, Ho, Wo]`, likewise `[N, C, D, H, W], grid [N, Do, Ho, Wo, 3]`.
 * Formula: `y[n, c, i, j] = Σ w · x[n, c, ·, ·]` over the pixels around `((grid + 1) · size − 1) / 2`, with
 * `alignCorners` `(grid + 1) / 2 · (size − 1)`. The gradient reaches x and the grid; through `nearest` only x.
 *
 * @throws ShapeError if the shapes do not fit together; ConfigError for bicubic sampling of volumes
 * @see Jaderberg et al. 2015, "Spatial Transformer Networks", arXiv:1506.02025
 * @example
 * const grid = affineGrid(tensor([[[1, 0, 0], [0, 1, 0]]]), [1, 3, 8, 8]);
 * const y = gridSample(zeros([1, 3, 8, 8]), grid); // shape [1, 3, 8, 8]
 */
export const gridSample = checked(
  "gridSample",
  takes<GridSampleOptions>(
    { x: tensorKind, grid: tensorKind },
    {
      mode: word(["bilinear", "nearest", "bicubic"]),
      paddingMode: word(["zeros", "border", "reflection"]),
      alignCorners: flag,
    },
  ),
  (x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor => {
    const { mode = "bilinear", paddingMode = "zeros", alignCorners = false } = options;
    const rank = x.rank - 2;
    if ((rank !== 2 && rank !== 3) || grid.rank !== x.rank || grid.shape[x.rank - 1] !== rank) {
      const got = `got x ${shapeText(x.shape)} and grid ${shapeText(grid.shape)}`;
      throw shapeError(
        "gridSample",
        `needs x [N, C, H, W] and a grid [N, Ho, Wo, 2], ${got}`,
        "Volumes [N, C, D, H, W] take a grid [N, Do, Ho, Wo, 3]",
      );
    }
    if (grid.shape[0] !== x.shape[0]) {
      throw shapeError("gridSample", `x ${shapeText(x.shape)} and grid ${shapeText(grid.shape)} differ in batch`);
    }
    sameDType("gridSample", { x, grid });
    if (mode === "bicubic" && rank === 3) {
      throw configError("gridSample", "bicubic samples images only", "Use bilinear for volumes");
    }
    // The grid holds x before y; the axes of x are y before x.
    const coordinates = Array.from({ length: rank }, (_, axis): Coordinate => {
      const length = x.shape[axis + 2];
      const unit = grid.select(x.rank - 1, rank - 1 - axis).add(1); // [N, ...out]
      const at = alignCorners ? unit.mul((length - 1) / 2) : unit.mul(length).sub(1).div(2);
      return { at, length };
    });
    const moved = (at: Tensor, length: number) => pad(at, length, paddingMode, alignCorners);
    const read = (positions: readonly Tensor[]) => readAt(x, positions);
    if (mode === "nearest") {
      return read(coordinates.map(({ at, length }) => moved(at, length).round()));
    }
    if (mode === "bilinear") {
      const axes = coordinates.map(({ at, length }) => {
        const position = moved(at, length);
        const first = position.floor().detach();
        const part = position.sub(first);
        return [
          [first, part.neg().add(1)],
          [first.add(1), part],
        ] as const;
      });
      return combine(axes, read);
    }
    // Padding applies to each of the sixteen pixels, not to the position.
    const axes = coordinates.map(({ at, length }) => {
      const first = at.floor().detach();
      const part = at.sub(first);
      return [-1, 0, 1, 2].map(
        (offset) => [moved(first.add(offset), length), cubic(part.sub(offset).abs(), offset)] as const,
      );
    });
    return combine(axes, read);
  },
);

/** Σ of the products of weights and of the elements at all combinations of positions along the axes. */
function combine(
  axes: readonly (readonly (readonly [position: Tensor, weight: Tensor])[])[],
  read: (positions: readonly Tensor[]) => Tensor,
): Tensor {
  const corners = axes.reduce<(readonly (readonly [Tensor, Tensor])[])[]>(
    (found, axis) => found.flatMap((corner) => axis.map((tap) => [...corner, tap])),
    [[]],
  );
  const terms = corners.map((corner) => {
    const weight = corner.map(([, one]) => one).reduce((product, one) => product.mul(one));
    return read(corner.map(([position]) => position)).mul(weight.unsqueeze(1));
  });
  return terms.reduce((sum, term) => sum.add(term));
}

/** The weight of a tap at a distance from 0 to 2 of a cubic convolution with a = −0.75. */
function cubic(distance: Tensor, offset: number): Tensor {
  const a = -0.75;
  const near = offset === 0 || offset === 1;
  return near
    ? distance
        .mul(a + 2)
        .sub(a + 3)
        .mul(distance)
        .mul(distance)
        .add(1)
    : distance
        .mul(a)
        .sub(5 * a)
        .mul(distance)
        .add(8 * a)
        .mul(distance)
        .sub(4 * a);
}

/** Moves a coordinate into the image, unless zeros lie outside. */
function pad(at: Tensor, length: number, mode: string, alignCorners: boolean): Tensor {
  if (mode === "zeros") return at;
  const clip = (y: Tensor) => y.maximum(0).minimum(length - 1);
  if (mode === "border") return clip(at);
  // Mirrored at the centres of the corner pixels, or at their outer edges.
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? length - 1 : length;
  if (span === 0) return at.mul(0);
  const distance = at.sub(low).abs();
  const turns = distance.div(span).floor().detach();
  const within = distance.sub(turns.mul(span));
  const isOdd = turns.sub(turns.div(2).floor().mul(2)).ne(0);
  return clip(isOdd.where(within.neg().add(span), within).add(low));
}

/** The elements of x at whole positions [N, ...out] along its axes, zero outside: [N, C, ...out]. */
function readAt(x: Tensor, positions: readonly Tensor[]): Tensor {
  const [N, C, ...lengths] = x.shape;
  const size = lengths.reduce((product, n) => product * n, 1);
  const out = positions[0].shape.slice(1);
  const count = out.reduce((product, n) => product * n, 1);
  const inside = positions
    .map((position, axis) => position.ge(0).logicalAnd(position.le(lengths[axis] - 1)))
    .reduce((all, one) => all.logicalAnd(one));
  const flat = positions
    .map((position, axis) =>
      position
        .maximum(0)
        .minimum(lengths[axis] - 1)
        .to("i32"),
    )
    .reduce((sum, position, axis) => sum.mul(lengths[axis]).add(position));
  const indices = flat.reshape([N, 1, count]).expand([N, C, count]);
  const values = x
    .reshape([N, C, size])
    .gather(2, indices)
    .reshape([N, C, ...out]);
  return inside.unsqueeze(1).where(values, 0);
}

export interface AffineGridOptions {
  /** Whether −1 and 1 are the centres of the corner pixels, not their outer edges. Default false. */
  readonly alignCorners?: boolean;
}

/**
 * The positions that affine maps give to the pixels of an output, for `gridSample`.
 *
 * Shape: `theta [N, 2, 3] -> [N, H, W, 2]`, likewise `[N, 3, 4] -> [N, D, H, W, 3]`.
 * Formula: `grid[n, i, j] = theta[n] · (x_j, y_i, 1)`, with x and y evenly spaced from −1 to 1.
 *
 * @param size shape of the output, `[N, C, H, W]` or `[N, C, D, H, W]`
 * @throws ShapeError if theta does not fit the size
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.affine_grid.html
 * @example
 * const grid = affineGrid(tensor([[[1, 0, 0], [0, 1, 0]]]), [1, 3, 8, 8]); // shape [1, 8, 8, 2]
 */
export const affineGrid = checked(
  "affineGrid",
  takes<AffineGridOptions>({ theta: tensorKind, size: shapeKind }, { alignCorners: flag }),
  (theta: Tensor, size: readonly number[], { alignCorners = false }: AffineGridOptions = {}): Tensor => {
    const rank = size.length - 2;
    const [N, , ...space] = size;
    const expected = [N, rank, rank + 1];
    if ((rank !== 2 && rank !== 3) || theta.rank !== 3 || theta.shape.some((n, i) => n !== expected[i])) {
      const problem = `theta ${shapeText(theta.shape)} does not fit size ${shapeText(size)}`;
      throw shapeError("affineGrid", problem, `Images need theta [N, 2, 3], volumes [N, 3, 4]`);
    }
    const along = space.map((length, axis) => {
      const steps = arange(length).to(theta.dtype);
      const units = alignCorners
        ? length > 1
          ? steps.mul(2 / (length - 1)).sub(1)
          : steps
        : steps.mul(2).add(1).div(length).sub(1);
      return units.reshape(space.map((_, i) => (i === axis ? length : 1))).expand(space);
    });
    const points = stack([...along.reverse(), along[0].mul(0).add(1)], { dim: rank }); // [...space, rank + 1]
    const count = space.reduce((product, n) => product * n, 1);
    const grid = points
      .reshape([1, count, rank + 1])
      .expand([N, count, rank + 1])
      .matmul(theta.transpose());
    return grid.reshape([N, ...space, rank]);
  },
);
