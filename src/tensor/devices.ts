/**
 * The registry of devices: how each is opened, and which are open. It belongs to the process; which of them computes is
 * the business of a context.
 */
import type { Device } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { DeviceError, UnavailableError } from "../util/errors.js";
import { environment } from "../util/host.js";
import { callback, text } from "../util/kinds.js";

type Opener = () => Promise<Device>;

interface Registered {
  readonly open: Opener;
  /** What it costs to use it where an earlier one is missing; null if it never steps in by itself. */
  readonly standsInAt: string | null;
}

const registered = new Map<string, Registered>();
const opened = new Map<string, Promise<Device>>();
/** The device that is used where none was chosen. */
let first: Promise<Device> | null = null;

/** When a device is used. */
export interface DeviceOptions {
  /**
   * What it costs to use this device where the ones before it are not available; it then steps in by itself and says so
   * once. Default: it never does.
   */
  readonly standsInAt?: string;
}

/**
 * Makes a device known under a name; it is opened when first used. The first that is registered is the default.
 *
 * @example
 * registerDevice("mine", () => currentDevice());
 */
export const registerDevice = checked(
  "registerDevice",
  takes<DeviceOptions>({ name: text, open: callback }, { standsInAt: text }),
  (name: string, open: Opener, options: DeviceOptions = {}): void => {
    registered.set(name, { open, standsInAt: options.standsInAt ?? null });
    opened.delete(name);
    first = null;
  },
);

function unknownDevice(name: string): DeviceError {
  return new DeviceError(`unknown device "${name}"`, { hint: `Choose one of ${[...registered.keys()].join(", ")}` });
}

/** @throws DeviceError if no device has the name */
export function checkDevice(name: string): void {
  if (!registered.has(name)) throw unknownDevice(name);
}

/** Opens a device, or gives the one that is open under the name: the same promise as long as that holds. */
export function openDevice(name: string): Promise<Device> {
  const known = opened.get(name);
  if (known) return known;
  const entry = registered.get(name);
  const opening = entry ? Promise.resolve(entry.open()) : Promise.reject(unknownDevice(name));
  opened.set(name, opening);
  opening.catch(() => opened.delete(name));
  return opening;
}

/** The device that the environment variable FOVEA_DEVICE names, else the first that this machine has what it takes for. */
export function openDefault(): Promise<Device> {
  if (environment.FOVEA_DEVICE) return openDevice(environment.FOVEA_DEVICE);
  if (first) return first;
  const opening = openFirst();
  first = opening;
  opening.catch(() => {
    first = null;
  });
  return opening;
}

/** The first device; where it is not available, the next that stands in for it, with a warning. */
async function openFirst(): Promise<Device> {
  let missing: UnavailableError | null = null;
  for (const [name, { standsInAt }] of registered) {
    if (missing && standsInAt === null) continue;
    try {
      const device = await openDevice(name);
      if (missing) {
        const hint = missing.hint ? `. ${missing.hint}` : "";
        console.warn(`[fovea] ${missing.message}: using ${name} instead, which is ${standsInAt}${hint}`);
      }
      return device;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      missing ??= error;
    }
  }
  throw missing ?? new DeviceError("no device is registered", { hint: 'Import "fovea", or register one' });
}
