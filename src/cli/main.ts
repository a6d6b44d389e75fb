#!/usr/bin/env node
/** The executable: passes the arguments, streams and exit code of this process to the command line. */
import { runProgram } from "./program.js";
import { Terminal } from "./terminal.js";

// A closed pipe (`fovea … | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const terminal = new Terminal(process.stdout, process.stderr, process.env);
process.exitCode = await runProgram(process.argv.slice(2), terminal, Boolean(process.env.FOVEA_DEBUG));
