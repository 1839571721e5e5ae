"""Why an order, a change or a cancellation is refused. Every text is fit to be shown to the person who asked."""


class Refused(Exception):
    """Base of every refusal; nothing was written."""


class NameTaken(Refused):
    """A live resource of the organization already has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"A resource named “{name}” already exists. Choose another name.")


class RunInProgress(Refused):
    """Another run of this resource has not ended yet."""

    def __init__(self) -> None:
        super().__init__("Something else is already running for this resource. Wait for it to end, or cancel it.")


class IdempotencyConflict(Refused):
    """The idempotency key was used before, for a different request."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was already used for a different request.")


class CannotUseAccount(Refused):
    """The cloud account is on another cloud than the offering, or its keys do not work."""


class CannotChange(Refused):
    """The wanted change cannot be made in place."""


class NotPossible(Refused):
    """The operation makes no sense for the resource or run as it is now."""
