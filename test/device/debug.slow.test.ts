/** What FOVEA_DEBUG prints on the error stream: 1 times of kernels, 2 the plan, 3 the simplified graph too, 4 kernel text. */
import { expect, it } from "vitest";
import { run } from "./child.js";

const signs = {
  times: /^\[fovea\] +\d+\.\d{3} ms +\d+\.\d GFLOP\/s {2}\w+/m,
  total: /^\[fovea\] +\d+\.\d{3} ms in \d+ kernels$/m,
  plan: /^\[fovea\] plan\n {2}%0 = /m,
  graph: /^\[fovea\] simplify\n {2}%0 = /m,
  text: /^static void fovea_kernel_0\(/m,
};

const levels: [string, string[]][] = [
  ["0", []],
  ["1", ["times", "total"]],
  ["2", ["times", "total", "plan"]],
  ["3", ["times", "total", "plan", "graph"]],
  ["4", ["times", "total", "plan", "graph", "text"]],
];

it.each([
  ...levels.map(([level, shown]) => ["native", level, shown] as const),
  // The text of kernels is bytes there.
  ...levels.map(([level, shown]) => ["wasm", level, shown.filter((sign) => sign !== "text")] as const),
])("on %s, level %s", async (FOVEA_DEVICE, FOVEA_DEBUG, expected) => {
  const { code, stdout, stderr } = await run("one", { FOVEA_DEBUG, FOVEA_DEVICE });
  expect(code, stderr).toBe(0);
  // The result stands alone on the output stream.
  expect(stdout.trim().split("\n")).toHaveLength(1);
  const found = Object.entries(signs).flatMap(([name, sign]) => (sign.test(stderr) ? [name] : []));
  expect(found).toEqual(expected);
  if (expected.length === 0) expect(stderr).toBe("");
});
