"""For every run of pytest here, that of the notebooks included; what is for the tests alone is in tests/conftest.py."""

import os
import tempfile
from collections.abc import Callable
from functools import wraps

import nbval.kernel


def started_again(start: Callable, times: int = 2) -> Callable:
    """`start`, tried again if the kernel dies before it answers.

    A kernel's ports are chosen before it takes them; another process may be quicker (jupyter_client, issue 487).
    """

    @wraps(start)
    def again(*args, **options):
        for _ in range(times):
            try:
                return start(*args, **options)
            except RuntimeError as error:
                if "Kernel died" not in str(error):
                    raise
        return start(*args, **options)

    return again


def pytest_configure(config):
    nbval.kernel.start_new_kernel = started_again(nbval.kernel.start_new_kernel)
    if "PYTEST_XDIST_WORKER" in os.environ:  # kernels of several processes would share one history
        folder = tempfile.TemporaryDirectory()
        config.add_cleanup(folder.cleanup)
        os.environ["IPYTHONDIR"] = folder.name


def pytest_collection_modifyitems(items):
    for item in items:  # nbval waits 5 s, hard coded, for output after a cell ends: too short on a busy machine
        if hasattr(item, "output_timeout"):
            item.output_timeout = 120
