"""How a validator says what is wrong with a value."""


class Mistake(ValueError):
    """What is wrong with a value, and what to write instead.

    The message goes on behind the key's name, as in "is no time zone"; it must not hold a secret.
    Raise it in a pydantic validator of a Strict model.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
