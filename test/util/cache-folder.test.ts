/** Which folder is used as a cache: what the environment names, what stands in for it, and what is said. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { cacheFolder, makePrivateFolder, otherCacheFolder, reasonOf } from "../../src/util/cache-folder.js";

const linux = process.platform === "linux";
let root = "";
const warnings: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fovea-folders-"));
  vi.stubEnv("TMPDIR", root);
  vi.stubEnv("FOVEA_CACHE", undefined);
  vi.stubEnv("XDG_CACHE_HOME", undefined);
  vi.stubEnv("HOME", join(root, "home"));
  warnings.length = 0;
  vi.spyOn(console, "warn").mockImplementation((text: string) => void warnings.push(text));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** A path that no folder can be made at. */
function blocked(): string {
  const file = join(root, "file");
  writeFileSync(file, "");
  return file;
}

const own = () => join(root, `fovea-${process.getuid?.()}`);

it("FOVEA_CACHE is taken as it is, and nothing stands in for it", () => {
  const folder = join(blocked(), "cache");
  vi.stubEnv("FOVEA_CACHE", folder);
  expect(cacheFolder()).toBe(folder);
  expect(otherCacheFolder("no room")).toBeNull();
  expect(warnings).toEqual([]);
});

it.runIf(linux)("the cache folder of the user is made, and leaves no probe", () => {
  vi.stubEnv("XDG_CACHE_HOME", join(root, "caches"));
  expect(cacheFolder()).toBe(join(root, "caches", "fovea"));
  expect(readdirSync(cacheFolder())).toEqual([]);
  expect(statSync(cacheFolder()).mode & 0o777).toBe(0o700);
  expect(warnings).toEqual([]);
});

it.runIf(linux).each(["", "relative/caches"])("XDG_CACHE_HOME=%j does not count", (value) => {
  vi.stubEnv("XDG_CACHE_HOME", value);
  expect(cacheFolder()).toBe(join(root, "home", ".cache", "fovea"));
});

it.runIf(linux)("where the home cannot be written, a private temporary folder is used, which is said once", () => {
  vi.stubEnv("HOME", blocked());
  expect([cacheFolder(), cacheFolder()]).toEqual([own(), own()]);
  expect(statSync(own()).mode & 0o777).toBe(0o700);
  const unusable = join(root, "file", ".cache", "fovea");
  expect(warnings).toEqual([
    `[fovea] the cache folder ${unusable} cannot be used (ENOTDIR): using ${own()} instead. Set FOVEA_CACHE to choose another`,
  ]);
});

it.runIf(linux)("a relative or empty home is none", () => {
  vi.stubEnv("HOME", "here");
  expect(cacheFolder()).toBe(own());
  expect(warnings).toEqual([
    `[fovea] this user has no home folder for a cache: using ${own()} instead. Set FOVEA_CACHE to choose another`,
  ]);
});

it.runIf(linux).each<[string, () => void]>([
  [
    "others may write to it",
    () => {
      mkdirSync(own());
      chmodSync(own(), 0o777);
    },
  ],
  ["it is a file", () => writeFileSync(own(), "")],
])("a temporary folder is not shared with other processes where %s", (_, make) => {
  make();
  vi.stubEnv("HOME", blocked());
  const folder = cacheFolder();
  expect(folder).toMatch(new RegExp(`^${own()}-......$`));
  expect(existsSync(folder)).toBe(true);
});

it.runIf(linux)("whoever cannot use the user's folder is given another, once", () => {
  const first = cacheFolder();
  expect(otherCacheFolder("mounted without exec")).toBe(own());
  expect(cacheFolder()).toBe(own());
  expect(otherCacheFolder("again")).toBeNull();
  expect(warnings).toEqual([
    `[fovea] the cache folder ${first} cannot be used (mounted without exec): using ${own()} instead. Set FOVEA_CACHE to choose another`,
  ]);
});

it("says in words why a folder cannot be written", () => {
  expect(reasonOf(Object.assign(new Error("x"), { code: "EROFS" }))).toBe("read-only file system, EROFS");
  expect(reasonOf(Object.assign(new Error("x"), { code: "ENOTDIR" }))).toBe("ENOTDIR");
  expect(() => makePrivateFolder(join(blocked(), "a", "b"))).toThrow("ENOTDIR");
});
