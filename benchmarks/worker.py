"""One engine in a process of its own: ``worker.py ENGINE WORKLOAD ARGUMENTS``.

Every line on standard input asks for one round; the answer is a line of JSON with the seconds
that each phase took, by this process's own clock, the round's result, and the share of the round
in which this process had a processor.
"""

import json
import os
import sys
from time import perf_counter, process_time

import program_workloads
import workloads
from engines import ENGINES


def main():
    name, workload_name, arguments = sys.argv[1:]
    engine = ENGINES[name][0]()
    if kernels := os.environ.get("KERNELS"):  # of programs, those of pair.py --kernels
        from micrograd_c._core import ffi, lib

        assert ffi.string(lib.mg_lanes(kernels.encode())).decode() == kernels, f"this processor runs no {kernels}"
    module = workloads if hasattr(workloads, workload_name) else program_workloads
    workload = getattr(module, workload_name)(engine, **json.loads(arguments))
    for _ in sys.stdin:
        for _ in range(workload.runs_a_round):
            start, start_on_processor = perf_counter(), process_time()
            seconds = workload.run()
            share = (process_time() - start_on_processor) / (perf_counter() - start)
        engine.between_rounds()
        answer = {"seconds": seconds, "result": workload.result}
        if workload.uses_this_process:
            answer["share"] = share
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
