/**
 * `npm run example:browser`: builds library and page if needed, serves the page and prints its address.
 * `-- --port 8080` chooses the port.
 */
import { parseArgs } from "node:util";
import { setUp } from "../../tools/setup.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "5173" } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  process.stderr.write(`--port must be a whole number from 0 to 65535, got ${values.port}\n`);
  process.exit(2);
}
await setUp();
const { buildPage, servePage } = await import("./page.mjs"); // needs what has just been installed
await buildPage();
const { url } = await servePage({ port }).catch((/** @type {Error} */ error) => {
  process.stderr.write(`The page cannot be served: ${error.message}\nChoose another port: -- --port 8080\n`);
  process.exit(1);
});
process.stdout.write(`${url}\nCtrl-C ends it.\n`);
