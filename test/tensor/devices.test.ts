/** How a device is chosen: by name, by itself, and what happens when one is missing. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Device } from "../../src/runtime/index.js";
import type * as Errors from "../../src/util/errors.js";

/** A session of its own for every test: what is chosen stays chosen. */
async function session() {
  vi.resetModules();
  const errors: typeof Errors = await import("../../src/util/errors.js");
  const missing = (reason: string, hint?: string) => () =>
    Promise.reject(new errors.UnavailableError(reason, { hint }));
  const contexts = await import("../../src/tensor/context.js");
  return { ...contexts, ...(await import("../../src/tensor/devices.js")), ...errors, missing };
}

const named = (name: string) => async () => ({ name }) as Device;
const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
beforeEach(() => {
  warn.mockClear();
  vi.unstubAllEnvs();
});

describe("without a choice", () => {
  it("the first that is registered is used", async () => {
    const { registerDevice, currentDevice } = await session();
    registerDevice("first", named("first"));
    registerDevice("second", named("second"), { standsInAt: "slower" });
    expect((await currentDevice()).name).toBe("first");
    expect(warn).not.toHaveBeenCalled();
  });

  it("the next that stands in is used where the first is missing, and that is said once", async () => {
    const { registerDevice, currentDevice, missing } = await session();
    registerDevice("first", missing("no engine was found", "Install one"));
    registerDevice("second", named("second"));
    registerDevice("third", named("third"), { standsInAt: "half as fast" });
    for (let i = 0; i < 3; i++) expect((await currentDevice()).name).toBe("third");
    const text = "[fovea] no engine was found: using third instead, which is half as fast. Install one";
    expect(warn.mock.calls).toEqual([[text]]);
  });

  it("the first reason is told when all are missing", async () => {
    const { registerDevice, currentDevice, missing, UnavailableError } = await session();
    registerDevice("first", missing("no engine"));
    registerDevice("second", missing("no wheels"), { standsInAt: "slower" });
    await expect(currentDevice()).rejects.toThrow("no engine");
    await expect(currentDevice()).rejects.toThrow(UnavailableError);
    expect(warn).not.toHaveBeenCalled();
  });

  it("a device that is there but broken is an error", async () => {
    const { registerDevice, currentDevice, DeviceError } = await session();
    registerDevice("first", () => Promise.reject(new DeviceError("the engine is on fire")));
    registerDevice("second", named("second"), { standsInAt: "slower" });
    await expect(currentDevice()).rejects.toThrow("the engine is on fire");
    expect(warn).not.toHaveBeenCalled();
  });

  it("none at all is an error", async () => {
    const { currentDevice } = await session();
    await expect(currentDevice()).rejects.toThrow("no device is registered");
  });
});

describe("with a choice", () => {
  it("nothing stands in for the device that was asked for", async () => {
    const { registerDevice, useDevice, currentDevice, missing } = await session();
    registerDevice("first", named("first"));
    registerDevice("second", missing("no engine"));
    registerDevice("third", named("third"), { standsInAt: "slower" });
    await expect(useDevice("second")).rejects.toThrow("no engine");
    expect((await currentDevice()).name).toBe("first");
    await useDevice("third");
    expect((await currentDevice()).name).toBe("third");
    await expect(useDevice("fourth")).rejects.toThrow('unknown device "fourth"');
    expect(warn).not.toHaveBeenCalled();
  });

  it("FOVEA_DEVICE is a choice, useDevice a later one", async () => {
    vi.stubEnv("FOVEA_DEVICE", "second");
    const { registerDevice, useDevice, currentDevice, missing } = await session();
    registerDevice("first", named("first"));
    registerDevice("second", missing("no engine"));
    await expect(currentDevice()).rejects.toThrow("no engine");
    await useDevice("first");
    expect((await currentDevice()).name).toBe("first");
  });
});
