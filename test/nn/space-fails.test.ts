/** Convolutions, pooling and padding that must fail, with their messages. */
import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.js";
import { ones, zeros } from "../../src/tensor/index.js";
import { FoveaError } from "../../src/util/errors.js";

const F = nn.functional;
const images = zeros([1, 2, 4, 5]);

const failures: readonly (readonly [kind: string, message: string, program: () => unknown])[] = [
  [
    "ConfigError",
    '[Conv1d] padding "same" needs stride 1, got [2]',
    () => new nn.Conv1d(1, 1, 3, { padding: "same", stride: 2 }),
  ],
  [
    "ConfigError",
    '[conv2d] padding "same" needs stride 1, got [1, 2]',
    () => F.conv2d(images, ones([1, 2, 3, 3]), { padding: "same", stride: [1, 2] }),
  ],
  [
    "ConfigError",
    "[Conv3d] groups 2 must divide inChannels 3 and outChannels 4",
    () => new nn.Conv3d(3, 4, 1, { groups: 2 }),
  ],
  [
    "ShapeError",
    "[conv3d] expected x of rank 5 [N, C, D, H, W], got x [1, 2, 4, 5] (in model)",
    () => new nn.Conv3d(2, 1, 1)(images),
  ],
  [
    "ShapeError",
    "[conv1d] kernel 9 is larger than the padded sequence [1, 2, 4] (in model)",
    () => new nn.Conv1d(2, 1, 9)(zeros([1, 2, 4])),
  ],
  [
    "ConfigError",
    "[ConvTranspose2d] outputPadding [1, 1] is not smaller than stride [1, 2] or dilation [1, 1]",
    () => new nn.ConvTranspose2d(1, 1, 3, { outputPadding: 1, stride: [1, 2] }),
  ],
  [
    "ShapeError",
    "[convTranspose2d] padding [9, 9] leaves nothing of the output [-12, -11] (in model)",
    () => new nn.ConvTranspose2d(2, 1, 3, { padding: 9 })(images),
  ],
  [
    "ShapeError",
    "[convTranspose2d] x [1, 2, 4, 5] has 2 channels, weight [3, 1, 2, 2] expects 3 in 1 groups",
    () => F.convTranspose2d(images, ones([3, 1, 2, 2])),
  ],
  [
    "ConfigError",
    "[MaxPool3d] padding [2, 2, 2] is more than half of kernelSize [2, 2, 2]",
    () => new nn.MaxPool3d(2, { padding: 2 }),
  ],
  [
    "ShapeError",
    "[avgPool2d] window 6×6 is larger than the padded image [1, 2, 4, 5] (in model)",
    () => new nn.AvgPool2d(6)(images),
  ],
  [
    "ConfigError",
    "[AvgPool1d] divisorOverride must be a finite number other than 0 or null, got 0",
    () => new nn.AvgPool1d(2, { divisorOverride: 0 }),
  ],
  [
    "ShapeError",
    "[maxUnpool2d] outputSize [8, 12] does not give x [1, 2, 4, 5] when pooled",
    () => F.maxUnpool2d(images, images.to("i32"), 2, { outputSize: [8, 12] }),
  ],
  [
    "ShapeError",
    "[maxUnpool2d] x [1, 2, 4, 5] and indices [1, 2, 4, 4] differ",
    () => F.maxUnpool2d(images, zeros([1, 2, 4, 4], { dtype: "i32" }), 2),
  ],
  [
    "ShapeError",
    "[ReflectionPad2d] reflect needs 5 elements along axis 3, x [1, 2, 4, 5] has 4 (in model)",
    () => new nn.ReflectionPad2d([5, 0, 0, 0])(images),
  ],
  ["ConfigError", "[CircularPad1d] circular cannot pad by -1", () => new nn.CircularPad1d(-1)(zeros([1, 1, 3]))],
  ["ConfigError", "[pad] pads has 3 sizes", () => F.pad(images, [1, 2, 3])],
  ["ShapeError", "[pad] pads [-3, -3] remove more than x [1, 2, 4, 5] has", () => F.pad(images, [-3, -3])],
  [
    "ConfigError",
    "[ZeroPad2d] padding must be a whole number or an array of 4, got [1, 2]",
    () => new nn.ZeroPad2d([1, 2] as never),
  ],
  ["ShapeError", "[ZeroPad1d] expected x [N, C, L], got x [1, 2, 4, 5] (in model)", () => new nn.ZeroPad1d(1)(images)],
  [
    "ConfigError",
    "[Upsample] needs exactly one of size and scaleFactor",
    () => new nn.Upsample({ size: 2, scaleFactor: 2 }),
  ],
  [
    "ConfigError",
    "[interpolate] nearest has no alignCorners",
    () => F.interpolate(images, { size: 2, alignCorners: true }),
  ],
  [
    "ConfigError",
    "[interpolate] area has no antialias",
    () => F.interpolate(images, { size: 2, mode: "area", antialias: true }),
  ],
  [
    "ConfigError",
    "[interpolate] recomputeScaleFactor needs scaleFactor",
    () => F.interpolate(images, { size: 2, recomputeScaleFactor: true }),
  ],
  [
    "ShapeError",
    "[interpolate] linear does not fit x [1, 2, 4, 5]",
    () => F.interpolate(images, { size: 2, mode: "linear" }),
  ],
  [
    "ShapeError",
    "[interpolate] size [2, 2, 2] does not fit x [1, 2, 4, 5]",
    () => F.interpolate(images, { size: [2, 2, 2] }),
  ],
  [
    "ShapeError",
    "[interpolate] cannot give [0, 0] from x [1, 2, 4, 5]",
    () => F.interpolate(images, { scaleFactor: 0.1 }),
  ],
  [
    "ShapeError",
    "[pixelShuffle] 2 channels are no multiple of 2², got x [1, 2, 4, 5]",
    () => F.pixelShuffle(images, 2),
  ],
  [
    "ShapeError",
    "[pixelUnshuffle] 4 × 5 pixels are no multiples of 2, got x [1, 2, 4, 5]",
    () => F.pixelUnshuffle(images, 2),
  ],
  [
    "ShapeError",
    "[channelShuffle] needs x [N, C, ...] with C a multiple of groups 3, got x [1, 2, 4, 5]",
    () => F.channelShuffle(images, 3),
  ],
  ["ShapeError", "[unfold] window 7×7 is larger than the padded image 4×5", () => F.unfold(images, 7)],
  [
    "ShapeError",
    "[fold] needs x [N, C·4, 12] for 3 × 4 windows, got x [1, 8, 13]",
    () => F.fold(zeros([1, 8, 13]), [4, 5], 2),
  ],
  [
    "ShapeError",
    "[gridSample] x [1, 2, 4, 5] and grid [2, 3, 3, 2] differ in batch",
    () => F.gridSample(images, zeros([2, 3, 3, 2])),
  ],
  [
    "ConfigError",
    "[gridSample] bicubic samples images only",
    () => F.gridSample(zeros([1, 1, 2, 2, 2]), zeros([1, 2, 2, 2, 3]), { mode: "bicubic" }),
  ],
  [
    "ShapeError",
    "[affineGrid] theta [1, 2, 2] does not fit size [1, 3, 8, 8]",
    () => F.affineGrid(zeros([1, 2, 2]), [1, 3, 8, 8]),
  ],
  ["DTypeError", "[embedding] indices are f32", () => F.embedding(zeros([2]), zeros([3, 4]))],
  ["ConfigError", "[Embedding] paddingIdx -4 is no token of 3", () => new nn.Embedding(3, 2, { paddingIdx: -4 })],
  [
    "ShapeError",
    "[embeddingBag] expected x [B, L], got x [3] (in model)",
    () => new nn.EmbeddingBag(3, 2)(zeros([3], { dtype: "i32" })),
  ],
  [
    "ShapeError",
    "[bilinear] x1 [2, 3], x2 [2, 4] and weight [1, 3, 5] do not fit together",
    () => F.bilinear(zeros([2, 3]), zeros([2, 4]), zeros([1, 3, 5])),
  ],
  [
    "ShapeError",
    "[unflatten] sizes [2, 2] do not fill axis 1 of x [2, 6] (in model)",
    () => new nn.Unflatten(1, [2, 2])(zeros([2, 6])),
  ],
  [
    "ShapeError",
    "[denseToConv] inputShape [2, 2, 2] does not give 9 features",
    () => nn.denseToConv(new nn.Linear(9, 1), [2, 2, 2]),
  ],
  [
    "ConfigError",
    "[convToDense] does not convert padding mode reflect",
    () => nn.convToDense(new nn.Conv2d(1, 1, 3, { padding: 1, paddingMode: "reflect" }), [1, 4, 4]),
  ],
];

describe("layers over space", () => {
  it.each(failures)("%s: %s", (kind, message, program) => {
    let error: unknown;
    try {
      program();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FoveaError);
    expect([(error as Error).constructor.name, (error as Error).message]).toEqual([kind, message]);
  });
});
