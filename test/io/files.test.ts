/** Atomic writes: all or nothing, and one clear line for what a disk can answer. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeFolder, readFileBytes, writeFileAtomic } from "../../src/io/files.js";
import { DataError, describeError } from "../../src/util/errors.js";

const failure = vi.hoisted(() => ({ code: "", errno: 0 }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const open: typeof real.open = async (...args) => {
    const file = await real.open(...args);
    if (failure.code) {
      file.sync = () => Promise.reject(Object.assign(new Error(failure.code), failure));
    }
    return file;
  };
  return { ...real, open };
});

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-files-"));
});
afterEach(async () => {
  failure.code = "";
  await rm(folder, { recursive: true });
});

const lineOf = (action: Promise<unknown>) =>
  action.then(
    () => "no error",
    (error: unknown) => {
      expect(error).toBeInstanceOf(DataError);
      return describeError(error);
    },
  );

describe("writeFileAtomic", () => {
  it("writes text and bytes, replaces, and leaves no other file", async () => {
    const path = join(folder, "a.txt");
    await writeFileAtomic(path, "first");
    await writeFileAtomic(path, Uint8Array.of(65, 66));
    expect(await readFile(path, "utf8")).toBe("AB");
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });

  it.each([
    ["ENOSPC", -28, "no space left on device. Free some space or choose a folder on another disk"],
    ["EROFS", -30, "read-only file system. Choose a folder on a disk that can be written"],
    ["EIO", -5, "i/o error"],
  ])("keeps the old file and no temporary one after %s", async (code, errno, reason) => {
    const path = join(folder, "a.txt");
    await writeFileAtomic(path, "old");
    Object.assign(failure, { code, errno });
    expect(await lineOf(writeFileAtomic(path, "new"))).toBe(`[io] cannot write ${path}: ${reason}`);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });

  it("names a missing folder", async () => {
    const path = join(folder, "no", "a.txt");
    expect(await lineOf(writeFileAtomic(path, "x"))).toBe(`[io] cannot write ${path}: no such file or directory`);
  });

  it("refuses to replace a folder", async () => {
    await mkdir(join(folder, "sub"));
    expect(await lineOf(writeFileAtomic(join(folder, "sub"), "x"))).toMatch(/illegal operation on a directory$/);
    expect(await readdir(folder)).toEqual(["sub"]);
  });

  it.skipIf(process.getuid?.() === 0)("names a folder that may not be written", async () => {
    await chmod(folder, 0o500);
    expect(await lineOf(writeFileAtomic(join(folder, "a"), "x"))).toMatch(/permission denied\. Choose a folder/);
    await chmod(folder, 0o700);
  });

  it("survives many writers of one file: the result is one of the contents", async () => {
    const path = join(folder, "a.txt");
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
    await Promise.all(contents.map((text) => writeFileAtomic(path, text)));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });
});

describe("makeFolder", () => {
  it("says whether it made the folder", async () => {
    expect(await makeFolder(join(folder, "a", "b"))).toBe(true);
    expect(await makeFolder(join(folder, "a", "b"))).toBe(false);
  });

  it("names a file in the way", async () => {
    await writeFile(join(folder, "file"), "");
    const inside = join(folder, "file", "run");
    expect(await lineOf(makeFolder(inside))).toBe(`[io] cannot make the folder ${inside}: not a directory`);
  });
});

describe("readFileBytes", () => {
  it("names a missing file", async () => {
    const path = join(folder, "none");
    expect(await lineOf(readFileBytes(path))).toBe(`[io] cannot read ${path}: no such file or directory`);
  });
});
