/** The key of the method that returns what `console.log` shows of an object, in Node; browsers ignore it. */
export const inspectKey: unique symbol = Symbol.for("nodejs.util.inspect.custom");
