"""Feature rows -> isolation scores and what each feature adds. Pure: arrays in, arrays out.

source  Liu, Ting, Zhou, Isolation Forest (2008): equation 1 (mean path of a search tree), 2 (score).
scikit-learn grows the trees; a compiled walk over packed arrays scores them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from models.dtypes import F32, F64, I32

TREES = 100
SAMPLE_ROWS = 256
#: Rows walked through one tree before the next: the tree stays in the first cache.
BLOCK_ROWS = 256
EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees laid end to end. Node i of a tree comes before its children, so a walk always ends.

    feature    int32[nodes]    column that is compared; -1 = leaf
    threshold  float64[nodes]  a row goes left where its float32 value <= threshold
    left       int32[nodes]    node index; 0 in leaves
    right      int32[nodes]
    length     float64[nodes]  leaf: its path length in edges, with the mean path of the rows left in it;
                               inner node: mean of the leaves below, weighted by training rows
    roots      int32[trees]    ascending; a tree ends where the next begins
    sample_rows                rows that each tree was grown on
    """

    feature: I32
    threshold: F64
    left: I32
    right: I32
    length: F64
    roots: I32
    sample_rows: int


def mean_path(rows: float) -> float:
    """Mean path, in edges, of an unsuccessful search in a binary tree of `rows` (equation 1)."""
    if rows <= 1:
        return 0.0
    if rows <= 2:
        return 1.0
    return float(2.0 * (np.log(rows - 1.0) + EULER) - 2.0 * (rows - 1.0) / rows)


def grow(rows: F32, seed: int, trees: int = TREES, sample_rows: int = SAMPLE_ROWS) -> Forest:
    """Forest of float32[n, features]; the same seed gives the same forest. ValueError below 2 rows."""
    from sklearn.ensemble import IsolationForest  # slow to import, and only training needs it

    if len(rows) < 2:
        raise ValueError("a forest needs at least 2 rows")
    fitted = IsolationForest(
        n_estimators=trees, max_samples=min(sample_rows, len(rows)), random_state=seed
    ).fit(np.ascontiguousarray(rows, np.float32))
    return pack(fitted)


def pack(fitted: object) -> Forest:
    """Packed form of a fitted sklearn.ensemble.IsolationForest (all features in every tree)."""
    parts: list[tuple[npt.NDArray[np.generic], ...]] = []
    roots: list[int] = []
    start = 0
    for estimator in fitted.estimators_:  # type: ignore[attr-defined]
        tree = estimator.tree_
        leaf = tree.children_left < 0
        roots.append(start)
        parts.append(
            (
                np.where(leaf, -1, tree.feature),
                np.where(leaf, 0.0, tree.threshold),
                np.where(leaf, 0, tree.children_left + start),
                np.where(leaf, 0, tree.children_right + start),
                _lengths(tree.children_left, tree.children_right, tree.n_node_samples),
            )
        )
        start += tree.node_count
    columns = [np.concatenate([p[i] for p in parts]) for i in range(5)]
    return Forest(
        feature=columns[0].astype(np.int32),
        threshold=columns[1].astype(np.float64),
        left=columns[2].astype(np.int32),
        right=columns[3].astype(np.int32),
        length=columns[4].astype(np.float64),
        roots=np.asarray(roots, np.int32),
        sample_rows=int(fitted.max_samples_),  # type: ignore[attr-defined]
    )


def _lengths(left: npt.NDArray[np.intp], right: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> F64:
    """Path length of each leaf, mean path length below each inner node; nodes come before their children."""
    depth = np.zeros(len(left))
    for i in np.flatnonzero(left >= 0):
        depth[left[i]] = depth[right[i]] = depth[i] + 1.0
    length: F64 = depth + np.array([mean_path(float(n)) for n in rows])
    for i in np.flatnonzero(left >= 0)[::-1]:
        below = rows[left[i]] * length[left[i]] + rows[right[i]] * length[right[i]]
        length[i] = below / (rows[left[i]] + rows[right[i]])
    return length


def flaw(forest: Forest, features: int) -> str | None:
    """Why the forest may not be walked over `features` columns, or None. For forests from elsewhere."""
    nodes, trees = len(forest.feature), len(forest.roots)
    columns = (forest.threshold, forest.left, forest.right, forest.length)
    if nodes == 0 or trees == 0 or any(len(c) != nodes for c in columns):
        return "arrays of unequal length"
    if not 2 <= forest.sample_rows <= 1 << 24:
        return "rows per tree out of range"
    if forest.roots[0] != 0 or np.any(np.diff(forest.roots) <= 0) or forest.roots[-1] >= nodes:
        return "roots out of order"
    if np.any(forest.feature < -1) or np.any(forest.feature >= features):
        return "a node compares a feature that does not exist"
    ends = np.repeat(np.append(forest.roots[1:], nodes), np.diff(np.append(forest.roots, nodes)))
    inner = np.flatnonzero(forest.feature >= 0)
    for child in (forest.left[inner], forest.right[inner]):
        # A child comes after its parent: no walk can go round in a circle or leave its tree.
        if np.any(child <= inner) or np.any(child >= ends[inner]):
            return "a node's child lies outside its tree"
    if not (np.isfinite(forest.threshold).all() and np.isfinite(forest.length).all()):
        return "a number that is not finite"
    if np.any(forest.length < 0) or np.any(forest.length > forest.sample_rows):
        return "a path length out of range"
    return None


def score(forest: Forest, rows: F32) -> F64:
    """Isolation score float64[n], 0..1, higher = more anomalous (equation 2).

    rows  float32[n, features]; cast as scikit-learn does, so that both agree at the thresholds
    """
    depth = _depths(*_arrays(forest), np.ascontiguousarray(rows, np.float32))
    unit = len(forest.roots) * mean_path(forest.sample_rows)
    scores: F64 = np.exp2(-depth / unit)
    return scores


def contributions(forest: Forest, rows: F32) -> tuple[F64, float]:
    """What each feature adds: (float64[n, features], base); exactly -log2(score) = base - row sum.

    Each split shortens or lengthens the path that is expected below it; its feature is given the
    difference. base: the path expected before any split, in units of the mean path.
    """
    shares = _shares(*_arrays(forest), np.ascontiguousarray(rows, np.float32))
    unit = len(forest.roots) * mean_path(forest.sample_rows)
    parts: F64 = shares / unit
    return parts, float(forest.length[forest.roots].sum() / unit)


def _arrays(forest: Forest) -> tuple[I32, F64, I32, I32, F64, I32]:
    return forest.feature, forest.threshold, forest.left, forest.right, forest.length, forest.roots


@njit(cache=True)
def _depths(feature, threshold, left, right, length, roots, rows):  # type: ignore[no-untyped-def]
    """Summed path length float64[n] over all trees. Plain twin: tests/models/naive_forest.py."""
    depth = np.zeros(rows.shape[0])
    for start in range(0, rows.shape[0], BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, rows.shape[0])
        for root in roots:
            for r in range(start, end):
                node = root
                while feature[node] >= 0:
                    node = left[node] if rows[r, feature[node]] <= threshold[node] else right[node]
                depth[r] += length[node]
    return depth


@njit(cache=True)
def _shares(feature, threshold, left, right, length, roots, rows):  # type: ignore[no-untyped-def]
    """Path length saved at each split, float64[n, features], summed over all trees."""
    shares = np.zeros(rows.shape)
    for r in range(rows.shape[0]):
        for root in roots:
            node = root
            while feature[node] >= 0:
                column = feature[node]
                child = left[node] if rows[r, column] <= threshold[node] else right[node]
                shares[r, column] += length[node] - length[child]
                node = child
    return shares
