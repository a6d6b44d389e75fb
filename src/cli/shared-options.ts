/** Arguments that several commands share, and the device that a command on a run uses. */
import { z } from "zod";
import { currentDevice, useDevice } from "../index.js";
import { deviceNames, oneOf } from "../train/config.js";
import { readRunConfig } from "../train/index.js";
import { UnavailableError } from "../util/errors.js";
import { environment } from "../util/host.js";

/** `--json`. */
export const json = z.boolean().optional().meta({ description: "print one JSON object per line" });

/** A run folder. */
export const run = z.string().meta({ description: "a run folder" });

/** `--device` of commands on a run. */
export const deviceOfRun = oneOf(deviceNames)
  .optional()
  .meta({ description: "where to compute", absent: "the one the run was trained on" });

/** The device names that {@link deviceOfRun} accepts. */
type DeviceOfRun = z.output<typeof deviceOfRun>;

/**
 * Opens the device of `--device` or of the environment, else the run's own, else the default one if that is
 * unavailable.
 */
export async function openDevice(path: string, requested: DeviceOfRun): Promise<void> {
  if (requested !== undefined) return useDevice(requested);
  const { device } = await readRunConfig(path);
  try {
    if (!environment.FOVEA_DEVICE) await useDevice(device);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    await currentDevice();
  }
}
