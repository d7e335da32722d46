"""One engine in a process of its own: ``worker.py ENGINE WORKLOAD ARGUMENTS``.

Every line on standard input asks for one round; the answer is a line of JSON with the seconds
that each phase took, by this process's own clock, and the round's result.
"""

import json
import sys

import workloads
from engines import ENGINES


def main():
    name, workload_name, arguments = sys.argv[1:]
    engine = ENGINES[name][0]()
    workload = getattr(workloads, workload_name)(engine, **json.loads(arguments))
    for _ in sys.stdin:
        seconds = workload.run()
        engine.between_rounds()
        print(json.dumps({"seconds": seconds, "result": workload.result}), flush=True)


if __name__ == "__main__":
    main()
