"""Parts of compiled functions, made callable from Python."""

from numba import njit


def called(part):
    """`part` as a compiled function of its own."""

    @njit
    def call(*args):
        return part(*args)

    return call
