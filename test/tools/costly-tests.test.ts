/** The list of costly test files: it names files that are there. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { COSTLY_TESTS } from "../../tools/costly-tests.js";
import { root } from "../../tools/setup.mjs";

it.each(Object.keys(COSTLY_TESTS))("%s is there", (file) => {
  expect(existsSync(join(root, file))).toBe(true);
});
