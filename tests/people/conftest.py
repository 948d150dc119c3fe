"""Commands about people, called in a small project."""

import pytest


@pytest.fixture
def call(small, newsletter):
    return lambda *words: newsletter("-C", small, *words)


@pytest.fixture
def bring(small, call):
    """bring("content", ...) imports it as list `ny`."""

    def brought(content, *more, name="in.csv", list_name="ny", source=("--consent-source", "Mässan")):
        path = small.parent / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return call("import", path, "--list", list_name, "--json", *source, *more)

    return brought
