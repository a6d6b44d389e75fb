/** `fovea devices`: shows what this machine offers. It must not know any device. */
import { z } from "zod";
import { describeDevices } from "../../index.js";
import { defineCommand } from "../command.js";
import { json } from "../shared-options.js";

/** Lists the devices and their properties; the exit code is 0 if one is available. */
export const devices = defineCommand({
  positional: [],
  schema: z.object({ json }),
  run: async (terminal, { json }) => {
    const found = await describeDevices();
    for (const device of found) {
      if (json) {
        terminal.printJson(device);
        continue;
      }
      const { name, available, reason, details } = device;
      const state = available ? terminal.paint("green", "available") : terminal.paint("yellow", "missing");
      terminal.print(`${terminal.paint("bold", name.padEnd(8))} ${state}${reason ? `: ${reason}` : ""}`);
      const width = Math.max(0, ...Object.keys(details).map((key) => key.length));
      for (const [key, value] of Object.entries(details)) terminal.print(`  ${key.padEnd(width)}  ${value}`);
    }
    return found.some(({ available }) => available) ? 0 : 1;
  },
});
