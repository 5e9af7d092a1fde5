import numpy as np
import pytest

from ns_ray.metrics.ssim import ssim


def plane(height=40, width=60, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    return (100 + 60 * np.sin(x / 5) * np.cos(y / 7) + rng.normal(0, 8, (height, width))).clip(0, 255).astype(np.uint8)


def by_definition(a, b):
    """Window by window, from the paper's formula."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for row in range(a.shape[0] - 10):
        for column in range(a.shape[1] - 10):
            x, y = (p[row : row + 11, column : column + 11].astype(float) for p in (a, b))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            cov = (window * (x - mx) * (y - my)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return np.mean(values)


def test_it_is_the_papers_formula():
    a, b = plane(), plane(seed=1)
    assert ssim(a, b) == pytest.approx(by_definition(a, b), abs=1e-4)


def test_equal_planes_have_1():
    assert ssim(plane(), plane()) == pytest.approx(1.0, abs=1e-6)


def test_strips_join():
    a, b = plane(600, 30), plane(600, 30, seed=2)
    assert ssim(a, b) == pytest.approx(by_definition(a, b), abs=1e-4)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="SSIM cannot compare"):
        ssim(plane(), plane(41))
    with pytest.raises(ValueError, match="SSIM cannot compare"):
        ssim(plane(10), plane(10))
