"""What a bug of ours looks like: something raises what nobody expected."""

from newsletter.check.workspace import Workspace


def broken(_self: object) -> None:
    raise RuntimeError("nobody thought of this")


monkeypatch.setattr(Workspace, "catalogue", property(broken))
