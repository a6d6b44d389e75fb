/**
 * What `startup` and `memory` run in a process of its own (plain.ts): `node child.js <dist> startup|memory <device> <model>
 * [<early> <late>]`. Prints one JSON object. The clock of `startup` starts before the package is imported.
 */
import { type DeviceName, loadApi } from "./api.js";
import { type ModelName, trainingStep } from "./models.js";

const begin = performance.now();
const [dist, task, device, model, early, late] = process.argv.slice(2);

const open = () => loadApi(dist, device as DeviceName);

/** Lets the collector run and the finalisers that it has queued. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function startup(): Promise<object> {
  const api = await open();
  const importMs = performance.now() - begin;
  const loss = await trainingStep(model as ModelName, api).call();
  const firstStepMs = performance.now() - begin;
  return { importMs, firstStepMs, processMs: process.uptime() * 1000, loss: await loss.item() };
}

async function memory(): Promise<object> {
  const api = await open();
  const { call } = trainingStep(model as ModelName, api);
  const live: number[] = [];
  const start = performance.now();
  for (let i = 1; i <= Number(late); i++) {
    await call();
    if (i !== Number(early) && i !== Number(late)) continue;
    await settle();
    live.push(api.fovea.memoryStats().liveBytes);
  }
  const seconds = (performance.now() - start) / 1000;
  const { peakBytes, buffers } = api.fovea.memoryStats();
  const maxRssBytes = process.resourceUsage().maxRSS * 1024;
  return { liveBytes: live, peakBytes, buffers, maxRssBytes, seconds };
}

process.stdout.write(`${JSON.stringify(task === "memory" ? await memory() : await startup())}\n`);
