"""Why a write was refused. Values that are invalid in themselves raise Django's ``ValidationError`` instead."""


class Refused(Exception):
    """A rule of the business was in the way; the text is a sentence for the person who asked."""


class LastOwner(Refused):
    def __init__(self) -> None:
        super().__init__("An organization needs an owner: make somebody else owner first.")


class RoleTooHigh(Refused):
    """Somebody tried to give, take or touch a role that allows more than their own."""

    def __init__(self) -> None:
        super().__init__("You cannot give, change or remove a role that allows more than your own.")


class NoMemberAnyMore(Refused):
    """Somebody else took them out at the same moment."""

    def __init__(self) -> None:
        super().__init__("This person is no longer a member.")


class AlreadyMember(Refused):
    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is already a member.")


class AlreadyInvited(Refused):
    def __init__(self, email: str) -> None:
        super().__init__(f"{email} already has an open invitation; revoke it or send it again.")


class InvitationClosed(Refused):
    """The secret is unknown, or its invitation was accepted, revoked or has expired."""

    def __init__(self) -> None:
        super().__init__("This invitation is not open any more: ask for a new one.")


class WrongEmail(Refused):
    """The invitation is for somebody else's address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"This invitation is for {email}: sign in with that address.")


class EmailTaken(Refused):
    def __init__(self) -> None:
        super().__init__("There is already an account with this e-mail address.")
