"""Another program has the port."""

import errno
import os
import socket


def busy(*_, **__):
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


monkeypatch.setattr(socket, "create_server", busy)
