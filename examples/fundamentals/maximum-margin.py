"""Writes maximum-margin.json: separable points in the plane, and the largest margin that a line can have between them.

The largest margin is half the distance of the two convex hulls, which is met between two corners, or between a corner and an
edge: all of them are tried. Needs numpy.
"""

import itertools
import json
import pathlib

import numpy as np


def to_segment(p, a, b):
    """Vector from the segment a–b to p."""
    t = 0 if np.array_equal(a, b) else np.clip(np.dot(p - a, b - a) / np.dot(b - a, b - a), 0, 1)
    return p - (a + t * (b - a))


def closest(p, q):
    """Shortest vector between the hulls of p and q; hull edges are among the segments between all pairs of points."""
    best = None
    for points, others in ((p, q), (q, p)):
        for x in points:
            for a, b in itertools.combinations_with_replacement(others, 2):
                v = to_segment(x, a, b)
                if best is None or np.linalg.norm(v) < np.linalg.norm(best):
                    best = v
    return best


cases = []
for seed in range(3):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(angle), np.sin(angle)])
    points, labels = [], []
    while len(points) < 30:
        x = np.round(rng.normal(0, 2, 2), 2)
        side = x @ normal + 0.3
        if abs(side) > 0.6:
            points.append(x)
            labels.append(1 if side > 0 else -1)
    p = [x for x, y in zip(points, labels) if y > 0]
    q = [x for x, y in zip(points, labels) if y < 0]
    cases.append({"points": [x.tolist() for x in points], "labels": labels, "margin": float(np.linalg.norm(closest(p, q)) / 2)})
target = pathlib.Path(__file__).with_suffix(".json")
target.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
