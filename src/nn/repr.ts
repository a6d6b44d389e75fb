/**
 * The text of a module: its class, its settings, and its children by name, one per line. This file must not know any
 * layer; settings are the fields that hold plain values.
 */
import { spell } from "../util/spelling.js";
import type { Held } from "./module/members.js";

/** Returns the children that a module holds itself. */
type ChildrenOf = (module: object) => readonly Held<object>[];

/**
 * The text of a module: `Linear(inFeatures=2, outFeatures=3)`, and children on lines of their own.
 *
 * @param childrenOf returns the modules that a module holds itself
 */
export function moduleText(module: object, childrenOf: ChildrenOf, above: readonly object[] = []): string {
  const kind = module.constructor.name;
  if (above.includes(module)) return `${kind}(…)`; // it contains itself
  const held = childrenOf(module);
  const head = `${kind}(${settingsOf(module, held.length === 0)}`;
  const children = held.map(({ key, value }) => {
    const text = moduleText(value, childrenOf, [...above, module]);
    return `  (${key}): ${text.replaceAll("\n", "\n  ")}\n`;
  });
  return children.length === 0 ? `${head})` : `${head}\n${children.join("")})`;
}

/**
 * The fields with plain values, by name. Sizes that are equal along all axes are shown as one. A missing part, such as
 * a bias, is null; in a module with children null stands for a missing child, which is no setting.
 */
function settingsOf(module: object, isLeaf: boolean): string {
  const settings = Object.entries(module).flatMap(([name, value]) => {
    if (Array.isArray(value)) {
      if (value.length === 0 || !value.every(isPlainValue)) return [];
      return [`${name}=${spell(value.every((one) => one === value[0]) ? value[0] : value)}`];
    }
    return isPlainValue(value) && (isLeaf || value !== null) ? [`${name}=${spell(value)}`] : [];
  });
  return settings.join(", ");
}

function isPlainValue(value: unknown): boolean {
  return value === null || ["number", "string", "boolean"].includes(typeof value);
}
