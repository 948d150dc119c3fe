"""The console script: `newsletter`, and `python -m newsletter`."""

from newsletter import __version__


def main() -> None:
    print(__version__)  # noqa: T201 - the ground floor; the commands move in above it


if __name__ == "__main__":
    main()
