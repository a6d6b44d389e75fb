/** `npm run build`: installs and builds if needed, nothing else. */
import { setUp } from "./setup.mjs";

await setUp();
