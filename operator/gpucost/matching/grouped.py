"""Sums, means and quotients by group, as floats and without a division by zero.

Axes: e entries, g groups; ``index`` (e,) is the group of each.
"""

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices


def sum_by(index: Indices, amount: Floats, size: int) -> Floats:
    """(g,)"""
    return np.bincount(index, amount, minlength=size).astype(np.float64)  # of nothing: integers


def most_by(index: Indices, value: Floats, size: int) -> Floats:
    """0 where the group has none. (g,)"""
    most = np.zeros(size)
    np.maximum.at(most, index, value)
    return most


def any_by(index: Indices, size: int) -> Bools:
    """Whether the group has an entry. (g,)"""
    found: Bools = np.bincount(index, minlength=size) > 0
    return found


def mean_by(index: Indices, ratio: Floats, weight: Floats, size: int) -> Floats:
    """Mean of what is known; NaN: nothing is. (g,)"""
    weight = np.where(np.isnan(ratio), 0.0, weight)
    total = sum_by(index, weight, size)
    amount = sum_by(index, weight * np.nan_to_num(ratio, nan=0.0), size)
    return np.where(total > 0, quotient(amount, total), np.nan)


def quotient(part: Floats, whole: Floats) -> Floats:
    """0 where the whole is 0. (e,)"""
    zeros = np.zeros(whole.shape)
    return np.divide(part, whole, out=zeros, where=whole > 0)
