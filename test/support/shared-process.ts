/**
 * Runs before each test file that shares its process with others (tools/test-processes.ts): the file has a default
 * context of its own, and fails if it leaves the process in another state than it found.
 */
import { afterAll, expect } from "vitest";
import { Context, currentContext } from "../../src/index.js";
import { replaceDefaultContext } from "../../src/tensor/context.js";
import { openDevice } from "../../src/tensor/devices.js";

const context = new Context({ name: "default" });
replaceDefaultContext(context);

/** Figures of the process. Libraries set variables when they are loaded; those of Fovea and those that were there stay. */
function state(before: NodeJS.ProcessEnv) {
  const names = Object.keys(process.env).filter((name) => name in before || name.startsWith("FOVEA_"));
  return {
    env: Object.fromEntries(names.map((name) => [name, process.env[name]])),
    cwd: process.cwd(),
    exitCode: process.exitCode,
    listeners: process.eventNames().map((name) => [name, process.listenerCount(name)]),
  };
}
const env = { ...process.env };
const before = state(env);
/** Registering a device again closes the open one. */
const device = openDevice("interp");

afterAll(() => {
  const hint = "a test file that changes this needs a process of its own: see tools/test-processes.ts";
  expect(state(env), hint).toEqual(before);
  expect(openDevice("interp"), hint).toBe(device);
  expect(currentContext(), "a test left a context entered").toBe(context);
});
