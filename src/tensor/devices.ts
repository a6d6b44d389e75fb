/**
 * The registry of devices: how each is opened, and which are open. It belongs to the process; each context selects one
 * of them.
 */
import type { Device } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { DeviceError, UnavailableError } from "../util/errors.js";
import { environment } from "../util/host.js";
import { callback, text } from "../util/kinds.js";

type Opener = () => Promise<Device>;

interface Registered {
  readonly open: Opener;
  /** The cost of using it as a fallback for an earlier device, for the warning; null if it is no fallback. */
  readonly standsInAt: string | null;
}

const registered = new Map<string, Registered>();
const opened = new Map<string, Promise<Device>>();
/** The device of contexts that selected none. */
let first: Promise<Device> | null = null;

/** Options of a registered device. */
export interface DeviceOptions {
  /**
   * Makes the device a fallback, used with a warning if the devices registered before it are unavailable. The text
   * states the cost, such as "about 3 times slower". Default: no fallback.
   */
  readonly standsInAt?: string;
}

/**
 * Registers a device under a name; it is opened at the first use. The first registered device is the default.
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

/** Opens a device, or returns the promise of the open one; a failed promise is dropped. */
export function openDevice(name: string): Promise<Device> {
  const known = opened.get(name);
  if (known) return known;
  const entry = registered.get(name);
  const opening = entry ? Promise.resolve(entry.open()) : Promise.reject(unknownDevice(name));
  opened.set(name, opening);
  opening.catch(() => opened.delete(name));
  return opening;
}

/** The device named by the environment variable FOVEA_DEVICE, else the first available one. */
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

/** The first device; if it is unavailable, the next fallback, with a warning. */
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
