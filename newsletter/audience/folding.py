"""How words are compared: without regard to case and to the way an accent is encoded."""

import unicodedata


def fold(text: str) -> str:
    """Two texts that a reader takes for the same word have the same fold; folding twice changes nothing.

    NFC and Unicode case folding (Unicode 3.13, D145), done in Python because no two databases agree on it.

    >>> fold("STRASSE") == fold("Straße"), fold("A\u030a") == fold("å")
    (True, True)
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
