"""pytest-benchmark over races: who is measured when, and what the JSON says about the machine."""

import importlib
import importlib.metadata
import statistics
import sys

import pytest

import race

PACKAGES = ("micrograd-c", "micrograd", "xad", "autograd", "torch", "jax", "numpy", "scikit-learn", "cffi")


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="few rounds, and none of the heavy races")


def pytest_configure(config):
    config.addinivalue_line("markers", "heavy: takes minutes or gigabytes; left out with --quick")


def pytest_collection_modifyitems(config, items):
    for item in items:
        item.add_marker(pytest.mark.benchmark(timer=race.worker_clock))
        if config.getoption("quick") and item.get_closest_marker("heavy"):
            item.add_marker(pytest.mark.skip(reason="left out with --quick"))


@pytest.fixture(scope="session")
def finished():
    """Races that have been run: race -> engine -> rounds."""
    return {}


@pytest.fixture
def record(request, benchmark, finished, capsys):
    """Return a function that runs a race, once for all its engines, and records one engine's phase."""

    def record(the_race, engine, phase):
        if the_race not in finished:
            entered = [
                item.callspec.params["engine"]
                for item in request.session.items
                if item.callspec.params["race"] is the_race and not item.get_closest_marker("skip")
            ]
            rounds = min(the_race.rounds, 3) if request.config.getoption("quick") else the_race.rounds
            engines = [name for name in the_race.lanes if name in entered]
            with capsys.disabled():  # what is seen on a terminal: how far the race is
                if sys.stderr.isatty():
                    print(file=sys.stderr)  # below pytest's dots
                finished[the_race] = race.run(the_race, engines, rounds)
        answers = finished[the_race][engine]
        rounds = [answer["seconds"] for answer in answers]

        benchmark.group = f"{the_race.title}: {phase}"
        benchmark.extra_info.update(
            race=the_race.title, phase=phase, engine=engine, per=the_race.per, unit=the_race.unit
        )
        benchmark.extra_info["disturbed_rounds"] = sum(not race.undisturbed(answer) for answer in answers)
        if "bytes" in rounds[0]:
            benchmark.extra_info["bytes_per_node"] = statistics.median(one["bytes"] for one in rounds)
        benchmark.pedantic(race.CLOCK.replay([one[phase] for one in rounds]), rounds=len(rounds))

    return record


def pytest_benchmark_update_machine_info(config, machine_info):
    """Keep what bears on speed; the name of the host and its kernel do not."""
    cpu = machine_info["cpu"]
    kept = ("brand_raw", "arch", "count", "hz_actual_friendly", "l2_cache_size", "l3_cache_size")
    machine_info["cpu"] = {key: cpu[key] for key in kept if key in cpu}
    for key in ("node", "release", "processor"):
        machine_info.pop(key, None)
    machine_info["versions"] = {
        name: importlib.metadata.version(name) for name in PACKAGES if race.is_installed(name)
    }
    if race.is_installed("micrograd-c"):
        machine_info["core"] = importlib.import_module("micrograd_c").stats()["core"]


def pytest_benchmark_update_commit_info(config, commit_info):
    for key in set(commit_info) - {"id", "time", "dirty"}:
        del commit_info[key]


def pytest_benchmark_update_json(config, benchmarks, output_json):
    for entry in output_json["benchmarks"]:
        for key in ("params", "fullname", "param"):  # a race is no JSON; extra_info says it in words
            del entry[key]
