/** `fovea/optim` in a page: it brings the devices, so that a program that imports nothing else computes. */
import "./devices.js";

export * from "../optim/index.js";
