"""What the Python sides of the benchmarks share: a process that lives through one bench, obeys one JSON object per line on
stdin and answers with one per line on stdout. It is idle between commands. It knows no library, and nothing of Fovea or of
how results are compared. Import it first: its clock starts then.

  {"do": "hello"}                                -> {"version"}
  {"do": "setup", "work": {...}, "mode": "..."}  -> {"id", "checks", "firstMs", "sinceStartMs"}
  {"do": "run", "id": 0, "steps": 10}            -> {"ms": [...]}
  {"do": "usage"}                                -> {"maxRssBytes"}

Whatever fails is answered with {"error"}.
"""

import json
import os
import resource
import sys
import time

CLOCK = time.perf_counter
START = CLOCK()


def run(call, steps):
    times = []
    for _ in range(steps):
        begin = CLOCK()
        call()
        times.append((CLOCK() - begin) * 1e3)
    return times


def obey(request, version, make_call, calls):
    do = request["do"]
    if do == "hello":
        return {"version": version}
    if do == "setup":
        call, checks_of = make_call(request["work"], request["mode"])
        begin = CLOCK()
        result = call()
        checks = checks_of(result)
        end = CLOCK()
        calls.append(call)
        first, since_start = (end - begin) * 1e3, (end - START) * 1e3
        return {"id": len(calls) - 1, "checks": checks, "firstMs": first, "sinceStartMs": since_start}
    if do == "run":
        return {"ms": run(calls[request["id"]], request["steps"])}
    if do == "usage":
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in kibibytes
        return {"maxRssBytes": peak_bytes}
    raise ValueError(f"unknown command {do}")


def serve(version, make_call):
    """Answers until stdin ends. `make_call(work, mode)` gives a call, and what makes its first result numbers to compare."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    calls = []
    for line in sys.stdin:
        try:
            answer = obey(json.loads(line), version, make_call, calls)
        except Exception as error:  # a mode that fails is a result, not the end of the bench
            text = str(error).strip().splitlines()
            answer = {"error": f"{type(error).__name__}: {text[0] if text else ''}"[:300]}
        answers.write(json.dumps(answer) + "\n")
