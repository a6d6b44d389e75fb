/** Kinds of arguments that only modules have. */
import { Generator } from "../tensor/index.js";
import { instance, type Kind } from "../util/kinds.js";
import { isModule } from "./module.js";

export const generatorKind: Kind = instance(Generator, "a Generator");

export const moduleKind: Kind = { name: "a module", accepts: isModule };

const MOST_LAYERS = 1000;

/** How many layers a module makes: bounded, because each allocates parameters and a graph of its own. */
export const layersKind: Kind = {
  name: `a whole number between 1 and ${MOST_LAYERS}`,
  accepts: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_LAYERS,
};
