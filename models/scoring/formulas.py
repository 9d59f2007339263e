"""Formulas of features that are more than a plain sum: float64[n] of a view of n entities. Pure."""

from __future__ import annotations

import numpy as np

from models.dtypes import F64
from models.windows.columns import DAY, View

#: Added to the lower part of a ratio, so that a handful of calls cannot look extreme.
FEW = 20.0
#: Sellers of each developer at one place: more than a seller's own application has, and at most those of an
#: unlisted one (25; a private one has 10).
FEW_SELLERS, UNLISTED_SELLERS = 2.5, 25.0
#: What tells an invoice: identifying records, and of them those with these classes.
_TAX = ("pii_records", "pii_tax", "pii_phone", "pii_email")


def share(part: F64, whole: F64, few: float = FEW) -> F64:
    """part / whole, 0..1, drawn to 0 where the whole is small."""
    left: F64 = np.clip(part, 0, None) / (np.maximum(whole, 0) + few)
    return left


def less(whole: F64, part: F64) -> F64:
    """whole - part, 0 where that is negative."""
    left: F64 = np.clip(whole - part, 0, None)
    return left


def growth(view: View, column: str, few: float) -> F64:
    """24 hours against the mean of the entity's own active days before; 1 where there are none."""
    days = view.of_past("days")
    usual = view.of_past(column) / np.maximum(days, 1)
    ratio = (view.of(column, DAY) + few) / (usual + few)
    grown: F64 = np.where(days > 0, ratio, 1.0)
    return grown


def siblings(view: View) -> F64:
    """Developers at a place where they have 2.5 to 25 sellers on average, else 0."""
    developers = view.of("others", DAY)
    each = view.of("sellers", DAY) / np.maximum(developers, 1)
    few: F64 = np.where((each >= FEW_SELLERS) & (each <= UNLISTED_SELLERS), developers, 0.0)
    return few


def roaming(view: View) -> F64:
    """Keys that roam at a place, where it has a developer for every two keys at least, else 0.

    A tool's machines may read and write with different clients, for many sellers under one developer.
    """
    keys = view.of("keys_roaming", DAY)
    own: F64 = np.where(2 * view.of("others", DAY) >= view.of("keys", DAY), keys, 0.0)
    return own


def beyond_tax(view: View) -> F64:
    """Share 0..1 of identifying records that carry no tax number, or with it a telephone number or e-mail;
    at most, for classes are told as sums. 1 where none identifies.

    Who writes invoices reads tax numbers and needs no telephone numbers; who pools takes what there is.
    """
    return _beyond_tax(*(view.of(name, DAY) for name in _TAX))


def beyond_tax_week(view: View) -> F64:
    """As `beyond_tax`, of a week."""
    return _beyond_tax(*(view.over_week(name) for name in _TAX))


def _beyond_tax(identifying: F64, tax: F64, phone: F64, email: F64) -> F64:
    invoices = np.clip(np.minimum(tax, identifying - np.maximum(phone, email)), 0, None)
    beyond: F64 = 1.0 - invoices / np.maximum(identifying, 1)
    return beyond


def read_only(view: View) -> F64:
    """Sellers whose customers were read, less those for whom something was done."""
    return less(view.of("sellers_pii", DAY), view.of("sellers_deed", DAY))


def _idle_week(view: View) -> F64:
    return less(view.over_week("sellers_pii"), view.over_week("sellers_deed"))


def idle_share(view: View) -> F64:
    """As `read_only`, of a week, over the sellers read."""
    part: F64 = _idle_week(view) / np.maximum(view.over_week("sellers_pii"), 1)
    return part


def fronted(view: View) -> F64:
    """Sellers dug up in a week, less those for whom nothing was done: at least so many are both."""
    return less(view.over_week("sellers_dug"), _idle_week(view))


def feigned(view: View) -> F64:
    """Sellers shadowed in a day, less those of a week for whom it did nothing: at least so many are both."""
    return less(view.of("sellers_shadow", DAY), _idle_week(view))


def unneeded(view: View) -> F64:
    """Orders taken in a day, less those acted on."""
    return less(view.of("orders_taken", DAY), view.of("orders_needed", DAY))


def unneeded_week(view: View) -> F64:
    """As `unneeded`, of a week."""
    return less(view.over_week("orders_taken"), view.over_week("orders_needed"))


def dug(view: View) -> F64:
    """Old orders of a day."""
    old: F64 = view.of("orders_old", DAY) + view.of("orders_stale", DAY)
    return old


def dug_week(view: View) -> F64:
    """Old orders of a week."""
    old: F64 = view.over_week("orders_old") + view.over_week("orders_stale")
    return old


def just_handled(view: View) -> F64:
    """Orders that another party had dealt with in the two days before they were taken."""
    just: F64 = view.of("orders_handled", DAY) - view.of("orders_stale", DAY)
    return just
