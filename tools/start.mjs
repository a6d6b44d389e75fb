/**
 * `npm start`: from a fresh clone to a trained network in one command. Installs and builds if needed, then trains a
 * small CNN on the MNIST digits; arguments after `--` go to `fovea train`, e.g. `npm start -- --epochs 2`.
 */
import { join } from "node:path";
import { root, run, setUp } from "./setup.mjs";

await setUp();
const program = join(root, "dist", "cli", "main.js");
const { code } = await run(process.execPath, [program, "train", "mnist", "--model", "cnn", ...process.argv.slice(2)]);
process.exit(code);
