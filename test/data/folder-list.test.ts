/** Names in folders: order, layouts, what is left out, and what is refused. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inNaturalOrder, listFolder } from "../../src/data/folder-list.js";
import { describeError } from "../../src/util/errors.js";
import { writeFiles } from "./image-files.js";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fovea-list-"));
});
afterEach(() => rm(root, { recursive: true }));

const touch = (...names: string[]) => writeFiles(root, Object.fromEntries(names.map((name) => [name, ""])));
const refusal = async () => describeError(await listFolder(root).catch((error: unknown) => error));
const layout = "Images lie in <folder>/<class>/ or in <folder>/train/<class>/ and <folder>/test/<class>/";

describe("inNaturalOrder", () => {
  it("compares digits as numbers and all else by code units", () => {
    const ordered = ["B", "a", "img", "img1", "img01", "img2", "img10", "img10b2", "img10b11", "é", "名2", "名10"];
    expect(inNaturalOrder([...ordered].reverse())).toEqual([...ordered].sort(byHand));
    expect(inNaturalOrder(["10", "9", "009", "1000000000000000000000", "999999999999999999999"])).toEqual([
      "009",
      "9",
      "10",
      "999999999999999999999",
      "1000000000000000000000",
    ]);
  });

  /** The order by its definition: part by part, numbers by their value. */
  function byHand(a: string, b: string): number {
    const [as, bs] = [a, b].map((name) => name.match(/\d+|\D/g) ?? []);
    for (let i = 0; i < Math.max(as.length, bs.length); i++) {
      if (as[i] === undefined || bs[i] === undefined) return as[i] === undefined ? -1 : 1;
      const numbers = [as[i], bs[i]].every((part) => /^\d/.test(part));
      if (numbers && Number(as[i]) !== Number(bs[i])) return Number(as[i]) - Number(bs[i]);
      if (!numbers && as[i] !== bs[i]) return as[i] < bs[i] ? -1 : 1;
    }
    return a < b ? -1 : 1;
  }
});

describe("listFolder", () => {
  it("takes folders for classes, any depth, any name, and ignores what is no image", async () => {
    await touch("cat/10.jpg", "cat/9.JPG", "cat/more/deep/é b.jpeg", "dog 2/x.webp", "dog 2/y.PNG", "dog 10/z.jfif");
    await touch("cat/notes.txt", "cat/.DS_Store", "dog 2/Thumbs.db", "labels.csv", ".git/a.jpg", "cat/anim.gif");
    const { classes, parts, ignored } = await listFolder(root);
    expect(classes).toEqual(["cat", "dog 2", "dog 10"]);
    expect(parts).toHaveLength(1);
    expect(parts[0].part).toBe("all");
    expect(parts[0].paths).toEqual([
      "cat/9.JPG",
      "cat/10.jpg",
      "cat/more/deep/é b.jpeg",
      "dog 2/x.webp",
      "dog 2/y.PNG",
      "dog 10/z.jfif",
    ]);
    expect([...parts[0].labels]).toEqual([0, 0, 0, 1, 1, 2]);
    expect(Object.fromEntries(ignored)).toEqual({
      ".txt": 1,
      ".DS_Store": 1,
      ".db": 1,
      ".csv": 1,
      ".git": 1,
      ".gif": 1,
    });
  });

  it("knows parts by their names", async () => {
    await touch("test/b/1.png", "train/a/1.png", "train/b/2.png", "valid/a/3.png", "README.md");
    const { classes, parts } = await listFolder(root);
    expect(classes).toEqual(["a", "b"]);
    expect(parts.map(({ part, paths, labels }) => [part, paths, [...labels]])).toEqual([
      ["train", ["train/a/1.png", "train/b/2.png"], [0, 1]],
      ["test", ["test/b/1.png"], [1]],
      ["val", ["valid/a/3.png"], [0]],
    ]);
  });

  it("takes `train` for a class where it is one", async () => {
    await touch("train/1.png", "bus/2.png", "test/3.png");
    expect((await listFolder(root)).classes).toEqual(["bus", "test", "train"]);
    await rm(join(root, "bus"), { recursive: true });
    expect((await listFolder(root)).classes).toEqual(["test", "train"]);
  });

  it.skipIf(process.platform === "win32")("follows links, and loops only once", async () => {
    await touch("cat/1.png", "dog/2.png");
    await mkdir(join(root, "cat", "sub"));
    await symlink(root, join(root, "cat", "sub", "loop"), "dir");
    await symlink(join(root, "dog", "2.png"), join(root, "cat", "linked.png"));
    const [{ paths, labels }] = (await listFolder(root)).parts;
    expect(paths.filter((_, i) => labels[i] === 0)).toContain("cat/linked.png");
    expect(paths.length).toBeLessThan(20);
  });

  it("lists 20,000 names in order, without a look at the files", async () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `${i % 2 ? "odd" : "even"}/image ${i}.jpg`);
    await mkdir(join(root, "odd"));
    await mkdir(join(root, "even"));
    for (let i = 0; i < names.length; i += 500) {
      await Promise.all(names.slice(i, i + 500).map((name) => writeFile(join(root, name), "")));
    }
    const [{ paths, labels }] = (await listFolder(root)).parts;
    expect(paths).toEqual([...names.filter((_, i) => i % 2 === 0), ...names.filter((_, i) => i % 2 === 1)]);
    expect(labels.reduce((a, b) => a + b, 0)).toBe(10_000);
  });

  it("names what is missing", async () => {
    expect(await refusal()).toBe(`[data] ${root} has no folders of classes. ${layout}`);
    await touch("cat/1.png");
    await mkdir(join(root, "dog"));
    await writeFile(join(root, "dog", "readme.txt"), "");
    const fix = "Put JPEG, PNG or WebP files there, or remove the folder";
    expect(await refusal()).toBe(`[data] the class dog has no images: ${join(root, "dog")}. ${fix}`);
  });

  it("names a class that only the test has, and a part without classes", async () => {
    await touch("train/cat/1.png", "test/cow/1.png");
    const names = "The class folders must have the same names in all parts";
    const test = join(root, "test");
    expect(await refusal()).toBe(`[data] ${test} has the class cow, which the training folder has not. ${names}`);
    await rm(join(test, "cow"), { recursive: true });
    expect(await refusal()).toBe(`[data] ${test} has no folders of classes. ${layout}`);
  });

  it("names a folder that is none", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    const error = await listFolder(file).catch((cause: unknown) => cause);
    expect(describeError(error)).toBe(`[data] ${file} is no folder. ${layout}`);
  });
});
