/** Kinds of arguments that only modules have. */
import { Generator } from "../tensor/index.js";
import { instance, type Kind } from "../util/kinds.js";
import { isModule } from "./module.js";

export const generatorKind: Kind = instance(Generator, "a Generator");

export const moduleKind: Kind = { name: "a module", accepts: isModule };
