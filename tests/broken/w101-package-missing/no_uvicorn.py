"""An installation without the extra `web`."""

import sys

for name in ("newsletter.web.recorder", "newsletter.web.serve"):
    monkeypatch.delitem(sys.modules, name, raising=False)
monkeypatch.setitem(sys.modules, "uvicorn", None)
