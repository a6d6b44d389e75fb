/** `fovea evaluate`: scores a run on a data set. It must not know how a score is computed. */
import { z } from "zod";
import { trainOptionsSchema } from "../../train/config.js";
import { evaluateRun } from "../../train/index.js";
import { defineCommand } from "../command.js";
import { deviceOfRun, json, openDevice, run } from "../shared-options.js";
import { formatCount, formatShare } from "../terminal.js";

/** Scores a run on the test part of a data set. */
export const evaluate = defineCommand({
  positional: ["run", "data"],
  schema: z.object({ run, data: trainOptionsSchema.shape.data, device: deviceOfRun, json }),
  run: async (terminal, { run, data, device, json }) => {
    await openDevice(run, device);
    const { accuracy, loss, count } = await evaluateRun(run, data);
    if (json) {
      terminal.printJson({ event: "done", testAccuracy: accuracy, testLoss: loss, testSamples: count, run, data });
    } else {
      const right = `${formatCount(accuracy * count)} of ${formatCount(count)}`;
      terminal.print(`test accuracy  ${terminal.paint("green", formatShare(accuracy))}  (${right})`);
      terminal.print(`test loss      ${loss.toFixed(4)}`);
    }
    return 0;
  },
});
