#!/usr/bin/env node
/** The executable: joins the command line to this process. */
import { runProgram } from "./program.js";
import { Terminal } from "./terminal.js";

// A reader that goes away (`fovea … | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const terminal = new Terminal(process.stdout, process.stderr, process.env);
process.exitCode = await runProgram(process.argv.slice(2), terminal, Boolean(process.env.FOVEA_DEBUG));
