/** The spelling help of `util` under the name that this layer knows. It knows nothing but letters. */
export { nearest } from "../util/nearest.js";
