"""The same number of retries, without the minute between them."""

from newsletter.delivery import sender

monkeypatch.setattr(sender, "RETRY_CAP_S", 0.01)
