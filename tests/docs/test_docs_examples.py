"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import newsletter


def test_every_example_gives_what_it_says():
    ran, wrong = 0, []
    for module in pkgutil.walk_packages(newsletter.__path__, "newsletter."):
        if (
            module.name.endswith("__main__") or ".migrations." in module.name
        ):  # they run, or begin with a digit
            continue
        failed, tried = doctest.testmod(importlib.import_module(module.name))
        ran += tried
        wrong += [module.name] * bool(failed)
    assert wrong == []
    assert ran > 20, "none were found"
