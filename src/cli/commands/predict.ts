/** `fovea predict`: classifies images. It must not know how images are read or classified. */
import { z } from "zod";
import { Predictor } from "../../train/index.js";
import { describeError } from "../../util/errors.js";
import { defineCommand } from "../command.js";
import { deviceOfRun, json, openDevice, run } from "../shared-options.js";
import { formatShare } from "../terminal.js";

/** Classifies images; one that cannot be read is reported, and the others are still classified. */
export const predict = defineCommand({
  positional: ["run", "images"],
  schema: z.object({
    run,
    images: z.array(z.string()).meta({ description: "JPEG, PNG or WebP files" }),
    invert: z.boolean().optional().meta({ description: "swap dark and light first, for dark ink on light paper" }),
    device: deviceOfRun,
    json,
  }),
  run: async (terminal, { run, images, invert, device, json }) => {
    await openDevice(run, device);
    const predictor = await Predictor.open(run);
    let code = 0;
    for (const path of images) {
      try {
        const { class: best, probabilities, notes } = await predictor.predictFile(path, { invert });
        if (json) {
          const byClass = Object.fromEntries(probabilities.map(({ class: name, probability }) => [name, probability]));
          terminal.printJson({ event: "prediction", image: path, class: best, probabilities: byClass, notes });
          continue;
        }
        const ranked = [...probabilities].sort((a, b) => b.probability - a.probability);
        const [first, ...others] = ranked.slice(0, 3).map((p) => `${p.class} ${formatShare(p.probability)}`);
        const remarks = notes.length > 0 ? terminal.paint("dim", `  (${notes.join(", ")})`) : "";
        terminal.print(`${path}: ${terminal.paint("green", first)}, then ${others.join(", ")}${remarks}`);
      } catch (error) {
        terminal.printError(`fovea: ${describeError(error)}`);
        code = 1;
      }
    }
    return code;
  },
});
