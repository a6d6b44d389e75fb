/** `fovea/train` in a page: it brings the devices, so that a program that imports nothing else computes. */
import "./devices.js";

export * from "../train/browser.js";
