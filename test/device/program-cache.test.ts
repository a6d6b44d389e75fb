/** Programs on disk: found again only for the same machine and key, and only with all of their libraries. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ProgramCache, type StoredProgram } from "../../src/device/native/program-cache.js";

const LIBRARY = "content";

/** A cache with one program, and its folder. */
async function kept() {
  const folder = mkdtempSync(join(tmpdir(), "fovea-programs-"));
  writeFileSync(join(folder, "a.so"), LIBRARY);
  const compiled = { library: "a.so", libraryBytes: LIBRARY.length, symbol: "kernel" };
  const kernel = { label: "map", flops: 2, ...compiled, tasks: 3, scratchBytes: 64 };
  const program: StoredProgram = {
    kernels: [kernel],
    steps: [{ kernel: 0, slots: [{ kind: "leaf", leaf: 0 }], waits: true }],
    arenaBytes: 128,
    outputs: [{ dtype: "f32", elements: 5 }],
    inPlace: [null],
  };
  const cache = new ProgramCache(folder, "machine");
  await cache.store("key", program);
  return { folder, cache, program };
}

describe("a program on disk", () => {
  it("comes back as it was", async () => {
    const { cache, program } = await kept();
    expect(await cache.load("key")).toEqual(program);
  });

  it("is not found under another key or for another machine", async () => {
    const { folder, cache } = await kept();
    expect(await cache.load("other")).toBeNull();
    expect(await new ProgramCache(folder, "other").load("key")).toBeNull();
  });

  it("is of no use without its libraries, or with ones of another length", async () => {
    const { folder, cache } = await kept();
    writeFileSync(join(folder, "a.so"), `${LIBRARY} and more`);
    expect(await cache.load("key")).toBeNull();
    rmSync(join(folder, "a.so"));
    expect(await cache.load("key")).toBeNull();
  });

  it("cannot be kept where there is no folder, and nobody minds", async () => {
    const { folder, cache, program } = await kept();
    rmSync(folder, { recursive: true });
    await cache.store("key", program);
    expect(await cache.load("key")).toBeNull();
  });

  it("leaves no other files behind", async () => {
    const { folder } = await kept();
    const names = readdirSync(folder).filter((name) => name !== "a.so");
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{40}\.json$/)]);
  });
});
