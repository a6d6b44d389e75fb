/** A compiler that makes wrong code is found out, named, and replaced: by safer flags, or by another device. */
import { readdirSync, rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { findCompiler } from "../../src/device/native/machine.js";
import { describeDevices } from "../../src/index.js";
import { computed, freshFolder, resultOf, run, script } from "./child.js";

const real = findCompiler();
const chosen = z.object({ device: z.string(), value: z.number() });

/** The real compiler, but kernels choose the wrong one of two values, at the levels of optimisation that a pattern names. */
const choosingWrong = (levels: string): string =>
  script(`case "$*" in ${levels}) for file; do case "$file" in *.c) sed -i 's/ ? a : b; }/ ? b : a; }/' "$file";; esac; done;; esac
exec ${real} "$@"`);

describe("a compiler that makes wrong code", () => {
  it("only when it optimises is used with safer flags; that is said once in a process and tested once", async () => {
    const env = { CC: choosingWrong("*-O2*"), FOVEA_CACHE: freshFolder(), FOVEA_THREADS: "1" };
    const first = await run("one", env);
    expect(first.stderr.trim()).toMatch(
      /^\[fovea\] the C compiler \S+ \(.+\) gives wrong results: .*sums of f32.* with -O2: using -O1 instead, which is slower$/,
    );
    // With -O2 the runtime and the self-test; with -O1 both again, and the kernel.
    expect(computed.parse(JSON.parse(first.stdout))).toEqual({ value: 300, compilations: 3 });
    expect(readdirSync(env.FOVEA_CACHE).filter((name) => name.endsWith(".tested"))).toHaveLength(2);
    const second = await run("one", env);
    expect(second.stderr).toBe(first.stderr);
    expect(computed.parse(JSON.parse(second.stdout))).toEqual({ value: 300, compilations: 0 });
  });

  it("always is not used: wasm stands in, and that is said once", async () => {
    const env = { CC: choosingWrong("*"), FOVEA_CACHE: freshFolder() };
    const { code, stdout, stderr } = await run("chosen", env);
    const line = stderr.trim();
    expect(line).toMatch(
      /^\[fovea\] the C compiler \S+ \(.+\) gives wrong results on this machine: .* with -O2; .* with -O1: /,
    );
    expect(line).toMatch(/: using wasm instead, .*\. Install another compiler, or name one by CC$/);
    expect(line.split("\n")).toHaveLength(1);
    expect([code, chosen.parse(JSON.parse(stdout))]).toEqual([0, { device: "wasm", value: 300 }]);
  });

  it("is an error where native was asked for", async () => {
    const { code, stdout, stderr } = await run("one", { CC: choosingWrong("*"), FOVEA_CACHE: freshFolder() });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("gives wrong results on this machine");
    expect([code, stdout]).toEqual([1, ""]);
  });
});

const native = (await describeDevices()).find(({ name }) => name === "native");
const miscompiles = /avx512/.test(native?.details.simd ?? "") && /\(Debian 12\.2/.test(native?.details.compiler ?? "");

it.skipIf(!miscompiles)("the vectoriser of GCC 12 on AVX-512 is found out by the sums of integers", async () => {
  const CC = script(`case "$*" in *-O2*) exec ${real} "$@" -ftree-loop-vectorize;; *) exec ${real} "$@";; esac`);
  const { stdout, stderr } = await run("one", { CC, FOVEA_CACHE: freshFolder() });
  expect(stderr).toContain("gives wrong results: sums of i32, sums of u8, sums of bool with -O2: using -O1 instead");
  expect(computed.parse(JSON.parse(stdout)).value).toBe(300);
});

it("a verdict that was damaged is found again", async () => {
  const env = { FOVEA_CACHE: freshFolder(), FOVEA_THREADS: "1" };
  await resultOf(run("one", env), computed);
  for (const name of readdirSync(env.FOVEA_CACHE)) {
    if (name.endsWith(".tested")) rmSync(`${env.FOVEA_CACHE}/${name}`);
  }
  expect(await resultOf(run("one", env), computed)).toEqual({ value: 300, compilations: 0 });
  expect(readdirSync(env.FOVEA_CACHE).some((name) => name.endsWith(".tested"))).toBe(true);
});
