/** The kernel cache on disk: warm, shared, damaged, unwritable. */
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { computed, freshFolder, repeated, resultOf, run } from "./child.js";

const RESULT = { value: 300 };
/** One thread compiles the kernels of a program as one library. */
const one = (FOVEA_CACHE: string) => run("one", { FOVEA_CACHE, FOVEA_THREADS: "1" });

/** Runs a job in an empty folder once, and gives each caller a copy of what it left there, and its result. */
function filledBy<Result>(job: (folder: string) => Promise<Result>) {
  const filled = freshFolder();
  let running: Promise<Result> | undefined;
  return async () => {
    running ??= job(filled);
    const first = await running;
    const folder = freshFolder();
    cpSync(filled, folder, { recursive: true });
    return { folder, first };
  };
}
/** Without its program, which names libraries itself: kernels are looked for by their entries. */
const filledByOne = filledBy(async (folder) => {
  const result = await resultOf(one(folder), computed);
  for (const name of readdirSync(folder)) if (name.endsWith(".json")) rmSync(join(folder, name));
  return result;
});

it("compiles each kernel once; a warm cache needs no compilation", async () => {
  const FOVEA_CACHE = join(freshFolder(), "made", "when", "needed");
  const cold = await resultOf(one(FOVEA_CACHE), computed);
  // The runtime, the self-test and the kernel.
  expect(cold).toEqual({ ...RESULT, compilations: 3 });
  const files = readdirSync(FOVEA_CACHE);
  expect(files.filter((name) => /^[0-9a-f]{40}\.(so|kernel|json|tested)$/.test(name))).toHaveLength(files.length);
  expect(await resultOf(one(FOVEA_CACHE), computed)).toEqual({ ...RESULT, compilations: 0 });
  expect(readdirSync(FOVEA_CACHE)).toEqual(files);
  expect(statSync(FOVEA_CACHE).mode & 0o777).toBe(0o700);
});

it("two processes may compile the same kernels at once", async () => {
  const FOVEA_CACHE = freshFolder();
  const both = await Promise.all([1, 2].map(() => resultOf(one(FOVEA_CACHE), computed)));
  for (const result of both) expect(result).toMatchObject(RESULT);
  const files = readdirSync(FOVEA_CACHE);
  expect(files.filter((name) => name.endsWith(".so"))).toHaveLength(3);
  expect(files.every((name) => /^[0-9a-f]{40}\.(so|kernel|json|tested)$/.test(name))).toBe(true);
});

it("a folder that cannot be made is one clear line", async () => {
  const file = join(freshFolder(), "file");
  writeFileSync(file, "");
  const FOVEA_CACHE = join(file, "kernels");
  const { code, stderr, stdout } = await one(FOVEA_CACHE);
  expect(stderr.trim()).toBe(
    `the kernel cache ${FOVEA_CACHE} cannot be written (ENOTDIR). Point FOVEA_CACHE to a folder that can be written and has room`,
  );
  expect([code, stdout]).toEqual([1, ""]);
});

it.skipIf(process.getuid?.() === 0)("a folder without permission is one clear line", async () => {
  const FOVEA_CACHE = freshFolder();
  chmodSync(FOVEA_CACHE, 0o500);
  const { code, stderr } = await one(FOVEA_CACHE);
  expect(stderr).toContain(`the kernel cache ${FOVEA_CACHE} cannot be written (permission denied, EACCES)`);
  expect(code).toBe(1);
});

it.each<[string, RegExp, number, (path: string) => void]>([
  ["a library that is cut off", /so$/, 2, (path) => writeFileSync(path, readFileSync(path).subarray(0, 1000))],
  ["a library that is empty", /so$/, 2, (path) => writeFileSync(path, "")],
  ["a library that is something else", /so$/, 2, (path) => writeFileSync(path, "not a library")],
  ["an entry that is cut off", /kernel$/, 1, (path) => writeFileSync(path, readFileSync(path).subarray(0, 20))],
  ["an entry of a library that is gone", /kernel$/, 1, (path) => writeFileSync(path, `${"0".repeat(40)}.so`)],
])("%s is compiled again", async (_, kind, compilations, damage) => {
  const { folder } = await filledByOne();
  for (const name of readdirSync(folder)) if (kind.test(name)) damage(join(folder, name));
  expect(await resultOf(one(folder), computed)).toEqual({ ...RESULT, compilations });
  expect(await resultOf(one(folder), computed)).toEqual({ ...RESULT, compilations: 0 });
});

const again = (FOVEA_CACHE: string, FOVEA_VERIFY?: string, flags?: readonly string[]) =>
  resultOf(run("again", { FOVEA_CACHE, FOVEA_VERIFY }, flags), repeated);
const filledByAgain = filledBy((folder) => again(folder));

it("a program that an earlier process compiled runs without the compiler, with the same results", async () => {
  const { folder, first } = await filledByAgain();
  expect(first.prepared).toBeGreaterThan(3);
  expect(await again(folder)).toEqual({ ...first, prepared: 0 });
  // With this flag the job collects garbage between building and reading.
  expect(await again(folder, undefined, ["--expose-gc"])).toEqual({ ...first, prepared: 0 });
});

it("a process that verifies takes programs that were verified, and no others", async () => {
  const { folder, first } = await filledByAgain();
  expect(await again(folder, "1")).toEqual(first);
  expect(await again(folder, "1")).toEqual({ ...first, prepared: 0 });
});

it.each<[string, RegExp, (path: string) => void]>([
  ["a program that is cut off", /json$/, (path) => writeFileSync(path, readFileSync(path).subarray(0, 100))],
  ["a program that is something else", /json$/, (path) => writeFileSync(path, "[]")],
  ["a library that is cut off", /so$/, (path) => writeFileSync(path, readFileSync(path).subarray(0, 100))],
  ["a library that is gone", /so$/, (path) => rmSync(path)],
])("%s is compiled again", async (_, kind, damage) => {
  const { folder, first } = await filledByAgain();
  for (const name of readdirSync(folder)) if (kind.test(name)) damage(join(folder, name));
  expect(await again(folder)).toEqual(first);
  expect(await again(folder)).toEqual({ ...first, prepared: 0 });
});
