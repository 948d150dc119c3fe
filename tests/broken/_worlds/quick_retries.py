"""The same number of retries, without the minute between them."""

from newsletter.delivery import answers

monkeypatch.setattr(answers, "RETRY_CAP_S", 0.01)
