/** Programs of training steps as the compiler makes them for the recording device. */
import type { Program } from "../../src/ir/program.js";
import { functional, type Module } from "../../src/nn/index.js";
import { compile, realize, registerDevice, type Tensor, tensor, useDevice, zeros } from "../../src/tensor/index.js";
import { RecordingDevice } from "./recorder.js";

/** Makes a recording device the one in use. */
export async function record(): Promise<RecordingDevice> {
  const device = new RecordingDevice();
  registerDevice("recorder", async () => device);
  await useDevice("recorder");
  return device;
}

/** The program of `fn`, whose arguments and variables are given values first, so that nothing else is compiled. */
export async function programOf(
  device: RecordingDevice,
  args: readonly Tensor[],
  fn: (...args: Tensor[]) => unknown,
): Promise<Program> {
  await realize(...args);
  const before = device.programs.length;
  await compile(fn)(...args);
  // What initial values need is compiled too, in few steps; so are derived values, as a program of their own.
  const made = device.programs.slice(before);
  const size = ({ steps, derived }: Program) => steps.length + (derived?.steps.length ?? 0);
  return made.reduce((a, b) => (size(b) > size(a) ? b : a));
}

interface Stepper {
  zeroGrad(): void;
  step(): void;
}

/** Forward, backward and update of a classifier. */
export function stepOf(
  device: RecordingDevice,
  model: Module,
  optimizer: Stepper,
  shape: readonly number[],
): Promise<Program> {
  const labels = tensor(new Int32Array(shape[0]));
  return programOf(device, [zeros([...shape]), labels], (x, y) => {
    optimizer.zeroGrad();
    const loss = functional.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
}
