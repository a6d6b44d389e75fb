/** The key of the method by which an object says what `console.log` shows of it, in Node; pages ignore it. */
export const inspectKey: unique symbol = Symbol.for("nodejs.util.inspect.custom");
