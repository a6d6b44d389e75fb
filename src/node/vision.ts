/** `fovea/vision` in Node: it brings the devices, so that a program that imports nothing else computes. */
import "./devices.js";

export * from "../vision/index.js";
