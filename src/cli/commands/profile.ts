/** `fovea profile`: profiles a step of a model. It must not know how a profile is made or shown. */
import { z } from "zod";
import { useDevice } from "../../index.js";
import { oneOf, wholeNumber } from "../../train/config.js";
import { checkProfileOptions, type ModelProfileOptions, profileModel } from "../../train/profile.js";
import { ConfigError } from "../../util/errors.js";
import { defineCommand } from "../command.js";
import { printJson, printProfile, printTitle } from "../profile-report.js";
import { json } from "../shared-options.js";

/** The devices whose kernels can be timed; the reference device is too slow for profiles to mean anything. */
const deviceNames = ["native", "wasm"] as const;

/** Shows where the time of a step goes, layer by layer, compared with the peaks of the machine. */
export const profile = defineCommand({
  positional: ["model"],
  schema: z.object({
    model: z.string().meta({ description: "a name such as resnet20; for an unknown one the nearest is suggested" }),
    batch: wholeNumber(1).default(64).meta({ description: "images per step", value: "n" }),
    size: wholeNumber(1).default(32).meta({ description: "side of the images in pixels", value: "n" }),
    steps: wholeNumber(1).default(10).meta({ description: "measured steps, whose median is shown", value: "n" }),
    train: z
      .boolean()
      .optional()
      .meta({ description: "a whole training step: cross-entropy, SGD with momentum (default)" }),
    forward: z.boolean().optional().meta({ description: "the forward pass in evaluation" }),
    device: oneOf(deviceNames)
      .optional()
      .meta({ description: "where to compute", absent: "native if there is a C compiler, else wasm" }),
    json,
  }),
  checkNames: (given) => {
    if (given.includes("train") && given.includes("forward"))
      throw new ConfigError("[cli] --train and --forward exclude each other");
  },
  run: async (terminal, { model, batch, size, steps, forward, device, json }) => {
    const options = { model, batch, size, work: forward ? "forward" : "train", steps } as ModelProfileOptions;
    const network = checkProfileOptions(options);
    if (device !== undefined) await useDevice(device);
    if (!json) printTitle(terminal, options);
    const made = await profileModel(network, options);
    if (json) printJson(terminal, options, made);
    else printProfile(terminal, made);
    return 0;
  },
});
