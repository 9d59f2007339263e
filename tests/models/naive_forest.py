"""The compiled walk, said plainly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.scoring.forest import Forest, mean_path


def path(forest: Forest, root: int, row: np.ndarray) -> list[int]:
    """Nodes that the row meets, root to leaf."""
    nodes = [root]
    while forest.feature[nodes[-1]] >= 0:
        node = nodes[-1]
        goes_left = np.float32(row[forest.feature[node]]) <= forest.threshold[node]
        nodes.append(int(forest.left[node] if goes_left else forest.right[node]))
    return nodes


def score(forest: Forest, rows: np.ndarray) -> np.ndarray:
    lengths = [[forest.length[path(forest, int(t), row)[-1]] for t in forest.roots] for row in rows]
    return np.asarray(2.0 ** (-np.mean(lengths, axis=1) / mean_path(forest.sample_rows)))


def contributions(forest: Forest, rows: np.ndarray) -> np.ndarray:
    shares = np.zeros(rows.shape)
    for r, row in enumerate(rows):
        for root in forest.roots:
            nodes = path(forest, int(root), row)
            for node, child in pairwise(nodes):
                shares[r, forest.feature[node]] += forest.length[node] - forest.length[child]
    return shares / (len(forest.roots) * mean_path(forest.sample_rows))
