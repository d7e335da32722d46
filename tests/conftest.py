import gc
import os
import random
import signal

import chromium
import pytest
from support import LANES

import micrograd_c
from micrograd_c._core import lib

try:
    import hypothesis
except ImportError:  # on interpreters without it the tests that need it skip themselves
    pass
else:
    hypothesis.settings.register_profile(
        "micrograd_c",
        deadline=None,
        print_blob=True,
        suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
    )
    hypothesis.settings.load_profile("micrograd_c")

# What a shell script starts in the background ignores Ctrl-C, and so would the tests of it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    """Let tests by hypothesis be repeated by MICROGRAD_C_SEED too."""
    if "MICROGRAD_C_SEED" in os.environ and hasattr(config.option, "hypothesis_seed"):
        config.option.hypothesis_seed = config.option.hypothesis_seed or os.environ["MICROGRAD_C_SEED"]


def pytest_itemcollected(item):
    """Refuse an address as the name of a case: it is another one in each process that shares the tests."""
    if " at 0x" in item.name:
        raise pytest.UsageError(f"{item.nodeid} has an address in its name: give the case an id")


def pytest_report_header():
    return f"micrograd-c: the {micrograd_c.stats().core} core of Value"


@pytest.fixture(autouse=True, scope="module")
def frozen():
    """Keep what pytest, numpy and others have on the heap out of the many full collections of the tests."""
    gc.collect()
    if hasattr(gc, "freeze"):  # PyPy has none
        gc.freeze()


@pytest.fixture(params=LANES)
def lanes(request):
    """Run a test on every instruction set that this machine has."""
    lib.mg_lanes(request.param.encode())
    yield request.param
    lib.mg_lanes(LANES[-1].encode())


@pytest.fixture
def seed():
    """Seed of a random test, printed; MICROGRAD_C_SEED repeats a run that failed."""
    number = int(os.environ.get("MICROGRAD_C_SEED", random.SystemRandom().randrange(2**32)))
    print(f"to repeat: MICROGRAD_C_SEED={number}")
    return number


@pytest.fixture
def rng(seed):
    return random.Random(seed)


@pytest.fixture
def threads():
    yield micrograd_c.set_threads
    micrograd_c.set_threads(1)


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory):
    driver = chromium.start(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def browser(one_browser):
    """One browser for all tests, each time as new."""
    return chromium.as_new(one_browser)


@pytest.fixture
def page(browser, tmp_path):
    """The explainer's page of the article's graph."""
    import explainer  # skips without selenium

    return explainer.opened(browser, tmp_path / "page.html")
