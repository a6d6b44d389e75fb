/** `npm run build`: installs and builds if needed, nothing else. */
import { prepare } from "./prepare.mjs";

await prepare();
