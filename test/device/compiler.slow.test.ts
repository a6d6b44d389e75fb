/** What a user is told when the C compiler, or the requested vector width, is missing or does not work. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { findCompiler } from "../../src/device/native/machine.js";
import { freshFolder, run, script } from "./child.js";

const INSTALL =
  "Install one (Debian and Ubuntu: apt install gcc; macOS: xcode-select --install), or choose the wasm device";
const path = process.env.PATH ?? "";
const real = findCompiler();

/** A compiler that answers questions as the real one does, and compiles by the given commands. */
const answering = (compiling: string): string =>
  script(`case "$*" in *-shared*) ${compiling} ;; *) exec ${real} "$@" ;; esac`);

describe("no compiler", () => {
  it("says what to install", async () => {
    const { code, stderr, stdout } = await run("one", { CC: undefined, PATH: freshFolder() });
    expect(stderr.trim()).toBe(`no C compiler was found (tried $CC, cc, gcc, clang). ${INSTALL}`);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("says that CC is wrong", async () => {
    const { code, stderr } = await run("one", { CC: "no-such-compiler", PATH: path });
    expect(stderr.trim()).toBe(
      'the compiler named by CC, "no-such-compiler", does not exist. Unset CC or name an installed compiler',
    );
    expect(code).toBe(1);
  });

  it.each(["interp", "wasm"])("leaves the %s device to work with", async (FOVEA_DEVICE) => {
    const { code, stdout, stderr } = await run("one", { CC: "no-such-compiler", FOVEA_DEVICE });
    expect([code, JSON.parse(stdout), stderr]).toEqual([0, { value: 300, compilations: 0 }, ""]);
  });
});

describe("no compiler and no device requested", () => {
  const chosen = z.object({ device: z.string(), value: z.number() });
  const instead = "using wasm instead, which is about 3 times slower";

  it("takes wasm and says so once, with reason and cost", async () => {
    const { code, stdout, stderr } = await run("chosen", { CC: undefined, PATH: freshFolder() });
    expect(stderr.trim()).toBe(`[fovea] no C compiler was found (tried $CC, cc, gcc, clang): ${instead}. ${INSTALL}`);
    expect([code, chosen.parse(JSON.parse(stdout))]).toEqual([0, { device: "wasm", value: 300 }]);
  });

  it("takes wasm when the compiler does not work at all", async () => {
    const { code, stdout, stderr } = await run("chosen", { CC: script("exit 1") });
    expect(stderr.trim()).toMatch(/^\[fovea\] the C compiler \S+ does not work: .*: using wasm instead/);
    expect([code, chosen.parse(JSON.parse(stdout))]).toEqual([0, { device: "wasm", value: 300 }]);
  });

  it("takes native without a word where there is a compiler", async () => {
    const { code, stdout, stderr } = await run("chosen");
    expect([code, chosen.parse(JSON.parse(stdout)), stderr]).toEqual([0, { device: "native", value: 300 }, ""]);
  });

  it("fails when native fails for another reason", async () => {
    const file = join(freshFolder(), "file");
    writeFileSync(file, "");
    const { code, stdout, stderr } = await run("chosen", { FOVEA_CACHE: join(file, "kernels") });
    expect(stderr).toContain("cannot be written (ENOTDIR)");
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("takes what FOVEA_DEVICE names, and refuses a name that is not known", async () => {
    const { stdout, stderr } = await run("chosen", { FOVEA_DEVICE: "interp" });
    expect([chosen.parse(JSON.parse(stdout)), stderr]).toEqual([{ device: "interp", value: 300 }, ""]);
    const unknown = await run("chosen", { FOVEA_DEVICE: "abacus" });
    expect(unknown.stderr.trim()).toBe('unknown device "abacus". Choose one of native, wasm, interp');
  });
});

describe("a compiler that fails", () => {
  it("at once", async () => {
    const CC = script("exit 1");
    const { code, stderr } = await run("one", { CC });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(`the C compiler ${CC} does not work`);
    expect(code).toBe(1);
  });

  it("on a kernel: its own message is passed on, and nothing is left in the cache folder", async () => {
    const CC = answering('echo "kernel.c:1:2: error: out of patience" >&2; exit 1');
    const FOVEA_CACHE = freshFolder();
    const { code, stderr } = await run("one", { CC, FOVEA_CACHE });
    expect(stderr.trim()).toBe(
      `${CC} failed on a kernel: kernel.c:1:2: error: out of patience. Run with FOVEA_DEBUG=4 to see the kernel`,
    );
    expect(code).toBe(1);
    expect(execFileSync("ls", ["-A", FOVEA_CACHE], { encoding: "utf8" })).toBe("");
  });

  it("because the disk is full", async () => {
    const CC = answering('echo "ld: final link failed: No space left on device" >&2; exit 1');
    const { code, stderr } = await run("one", { CC, FOVEA_CACHE: freshFolder() });
    expect(stderr.trim()).toBe(
      `${CC} failed on a kernel: ld: final link failed: No space left on device. ` +
        "Free some space, or point FOVEA_CACHE to another folder",
    );
    expect(code).toBe(1);
  });
});

describe("vector width", () => {
  it("an unknown name is refused with the names there are", async () => {
    const { code, stderr } = await run("one", { FOVEA_SIMD: "mmx" });
    expect(stderr.trim()).toBe('FOVEA_SIMD must be one of avx512, avx2, sse, neon, got "mmx"');
    expect(code).toBe(1);
  });

  it("one that the machine lacks is refused with those it has", async () => {
    const absent = process.arch === "arm64" ? "avx512" : "neon";
    const { code, stderr } = await run("one", { FOVEA_SIMD: absent });
    expect(stderr.trim()).toMatch(new RegExp(`^this machine has no ${absent}\\. It has [a-z0-9, ]+$`));
    expect(code).toBe(1);
  });
});
