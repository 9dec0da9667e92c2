"""What went wrong in a way that a user can mend."""


class UserError(ValueError):
    """A sentence for whoever uses the command line: it names the file and the remedy.

    Every other exception is a fault of the program, and is shown as one.
    """
