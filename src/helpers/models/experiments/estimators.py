"""From sums to arm means with their covariance: independent customers, or clusters of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from helpers.models.experiments.moments import Cells, Variable

ROUNDING = 1e-14  # of the metric's variance: customers who differ by less differ by what sums leave over
# Of a ratio's parts, whose sums of squares all but cancel where every customer has the same ratio: what rounding leaves
# then, four times and more of what was seen from frames and engines. Long sums round more often.
ROUNDING_OF_PARTS, ROUNDING_OF_PARTS_A_CUSTOMER = 1e-13, 5e-17
# Of a covariate's squared mean, and of the squared distance of an arm's mean from it: the variance within arms that a
# covariate which is constant there (or where it is known) shows by rounding.
DUST_OF_MEAN, DUST_OF_DIFFERENCE = 1e-28, 1e-10


@dataclass(frozen=True)
class Outcome:
    """One metric and its covariates, in every cell.

    Attributes
    ----------
    n : ndarray (cells,)
    y : ndarray (cells,), mean of the metric
    x : ndarray (cells, p), means of the covariates
    yy, xy, xx : ndarrays (cells,), (cells, p), (cells, p, p)
        Sums of products of deviations from the cell's means.
    arm : ndarray (cells,), place of the cell's arm among the arms
    n_arms : int
    parts : ndarray (cells,), sums of squares of a ratio's two parts, the difference of which ``yy`` is about; else 0
    """

    n: np.ndarray
    y: np.ndarray
    x: np.ndarray
    yy: np.ndarray
    xy: np.ndarray
    xx: np.ndarray
    arm: np.ndarray
    n_arms: int
    parts: np.ndarray | float = 0.0

    def merged(self) -> Outcome:
        """One cell an arm, its clusters taken together."""
        arms = self.n_arms
        n = np.bincount(self.arm, self.n, minlength=arms)
        y = np.bincount(self.arm, self.n * self.y, minlength=arms) / n
        x = np.stack([self.n[self.arm == k] @ self.x[self.arm == k] / n[k] for k in range(arms)])
        dy, dx = self.y - y[self.arm], self.x - x[self.arm]
        yy, xy, xx = np.zeros(arms), np.zeros(x.shape), np.zeros((arms, x.shape[1], x.shape[1]))
        np.add.at(yy, self.arm, self.yy + self.n * dy**2)
        np.add.at(xy, self.arm, self.xy + (self.n * dy)[:, None] * dx)
        np.add.at(xx, self.arm, self.xx + self.n[:, None, None] * dx[:, :, None] * dx[:, None, :])
        return Outcome(n, y, x, yy, xy, xx, np.arange(arms), arms, self._parts_by_arm())

    def _parts_by_arm(self) -> np.ndarray:
        return np.bincount(self.arm, np.broadcast_to(self.parts, self.arm.shape), minlength=self.n_arms)

    def dust_of_parts(self) -> np.ndarray:
        """Sum of squares of each arm that a ratio equal for all of its customers leaves by rounding; 0 for no ratio."""
        n = np.bincount(self.arm, self.n, minlength=self.n_arms)
        return (ROUNDING_OF_PARTS + ROUNDING_OF_PARTS_A_CUSTOMER * n) * self._parts_by_arm()

    def dust(self) -> np.ndarray:
        """Variance of each arm's mean up to which rounding alone may have made it."""
        middle = np.average(self.y, weights=self.n)
        variance = (self.yy.sum() + self.n @ (self.y - middle) ** 2) / self.n.sum()
        n = np.bincount(self.arm, self.n, minlength=self.n_arms)
        return ROUNDING * variance / n + self.dust_of_parts() / n**2

    def explained(self) -> float:
        """Share of the metric's variance within cells that the covariates take away."""
        return _within_arms(self)[3]


@dataclass(frozen=True)
class ArmMeans:
    """Adjusted mean of every arm, their covariance, and the t reference for a difference.

    Attributes
    ----------
    mean : ndarray (arms,)
    covariance : ndarray (arms, arms)
    df : function of two arms' places to degrees of freedom
    n, n_clusters : ndarrays (arms,)
    explained : float, share of the metric's variance within arms that the covariates take away
    dust : ndarray (arms,), variance of the mean up to which rounding alone may have made it
    """

    mean: np.ndarray
    covariance: np.ndarray
    df: Callable[[int, int], float]
    n: np.ndarray
    n_clusters: np.ndarray | None
    explained: float
    dust: np.ndarray

    def variance_of_difference(self, a: int, b: int) -> float:
        """Variance of one arm's mean less another's; infinite where the data leave nothing to tell it from."""
        found = self.covariance[a, a] + self.covariance[b, b] - 2 * self.covariance[a, b]
        return float(found) if found > self.dust[a] + self.dust[b] else np.inf


def outcome(
    cells: Cells,
    *,
    arms: list,
    numerator: Variable,
    denominator: Variable | None,
    covariates: list[Variable],
) -> Outcome:
    """Read one metric out of the cells; a ratio of totals is made linear within its arm (delta method)."""
    arm = np.array([arms.index(key) for key in cells.keys["arm"]])
    at_y, at_x = cells.at(numerator), [cells.at(variable) for variable in covariates]
    y, yy = cells.mean[:, at_y], cells.scatter[:, at_y, at_y]
    x = cells.mean[:, at_x]
    xy = cells.scatter[:, at_x, at_y]
    xx = cells.scatter[:, at_x][:, :, at_x]
    parts = np.zeros(len(y))
    if denominator is not None:
        at_d = cells.at(denominator)
        totals = np.bincount(arm, cells.n)
        mean_y = (np.bincount(arm, cells.n * y) / totals)[arm]
        mean_d = (np.bincount(arm, cells.n * cells.mean[:, at_d]) / totals)[arm]
        if not np.all(mean_d):
            raise ValueError(f"metric: the denominator {denominator.column!r} is 0 on average in an arm")
        ratio = mean_y / mean_d
        square_y, square_d = yy + cells.n * y**2, cells.scatter[:, at_d, at_d] + cells.n * cells.mean[:, at_d] ** 2
        parts = (square_y + ratio**2 * square_d) / mean_d**2
        # the customer's part in the ratio, Taylor-expanded at the arm's means: its mean is the ratio itself
        yy = (yy - 2 * ratio * cells.scatter[:, at_y, at_d] + ratio**2 * cells.scatter[:, at_d, at_d]) / mean_d**2
        xy = (xy - ratio[:, None] * cells.scatter[:, at_x, at_d]) / mean_d[:, None]
        y = ratio + (y - ratio * cells.mean[:, at_d]) / mean_d
    data = Outcome(cells.n, y, x, yy, xy, xx, arm, len(arms), parts)
    varied = _varied(data)
    return replace(data, x=x[:, varied], xy=xy[:, varied], xx=xx[:, varied][:, :, varied])


def _varied(data: Outcome) -> np.ndarray:
    """Tell which covariates (p,) vary within arms by more than rounding leaves: dust may not be adjusted for."""
    by_arm = data.merged()
    away = by_arm.x - np.average(by_arm.x, axis=0, weights=by_arm.n)
    dust = by_arm.n @ (DUST_OF_MEAN * by_arm.x**2 + DUST_OF_DIFFERENCE * away**2)
    return np.einsum("cii->i", by_arm.xx) > dust


def independent_means(data: Outcome) -> ArmMeans:
    """Means of arms whose customers were drawn one by one; variances may differ between arms.

    With covariates each mean moves to the covariates' overall mean along θ, pooled within arms (CUPED).
    That is the least-squares fit on arm indicators and covariates.
    """
    data = data.merged()  # in the order of the arms, whatever the order of the cells
    n = data.n
    residual, theta, keep, explained = _within_arms(data)
    freedom = n.sum() - data.n_arms
    # the covariates' coefficients cost degrees of freedom, shared by the arms
    left = freedom - len(keep)
    variance = residual / (n - 1) * freedom / left if left >= 1 else np.full(data.n_arms, np.inf)
    away = (data.x - np.average(data.x, axis=0, weights=n))[:, keep]
    covariance = np.diag(variance / n)
    if keep and left >= 1:
        pooled = residual.sum() / left
        xx = data.xx.sum(axis=0)[np.ix_(keep, keep)]
        scale = np.sqrt(np.diag(xx))
        covariance += pooled * (away / scale) @ np.linalg.inv(xx / np.outer(scale, scale)) @ (away / scale).T

    def df(a: int, b: int) -> float:
        parts = [(variance[k] / n[k], n[k] - 1) for k in (a, b)]
        spread = sum(part**2 / left for part, left in parts)
        return float(sum(part for part, _ in parts) ** 2 / spread) if spread > 0 else float(n[a] + n[b] - 2)

    return ArmMeans(data.y - away @ theta, covariance, df, n, None, explained, data.dust())


def clustered_means(data: Outcome, cluster: np.ndarray) -> ArmMeans:
    """Means of arms that were given to whole clusters (branches), with the CR2 covariance.

    Least squares on arm indicators and covariates, customers weighted equally. Residuals of a
    cluster are corrected for its own leverage (CR2) and differences are referred to t with
    Satterthwaite degrees of freedom: with eight branches the usual sandwich and z find effects
    that are not there.

    References
    ----------
    Bell and McCaffrey (2002), Survey Methodology 28(2); Pustejovsky and Tipton (2018), JBES 36(4), 672–683.
    """
    p = data.x.shape[1]
    size = data.n_arms + p
    centre = np.average(data.x, axis=0, weights=data.n)
    x = data.x - centre
    scale = np.sqrt((np.einsum("cii->i", data.xx) + data.n @ x**2) / data.n.sum())
    scale[scale == 0] = 1.0
    x = x / scale
    n_clusters = int(cluster.max()) + 1

    gram = np.zeros((n_clusters, size, size))  # X'X of every cluster
    moment = np.zeros((n_clusters, size))  # X'y of every cluster
    middle = np.average(data.y, weights=data.n)
    for k in range(len(data.n)):
        row = np.zeros(size)
        row[data.arm[k]] = 1.0
        row[data.n_arms :] = x[k]
        block = data.n[k] * np.outer(row, row)
        block[data.n_arms :, data.n_arms :] += data.xx[k] / np.outer(scale, scale)
        gram[cluster[k]] += block
        right = data.n[k] * row * (data.y[k] - middle)
        right[data.n_arms :] += data.xy[k] / scale
        moment[cluster[k]] += right

    total = gram.sum(axis=0)
    keep = _independent_columns(total)
    gram, moment, total = gram[:, keep][:, :, keep], moment[:, keep], total[np.ix_(keep, keep)]
    beta = np.linalg.solve(total, moment.sum(axis=0))
    score = moment - gram @ beta
    # in the coordinates where X'X is 1 a cluster's leverage is symmetric and has eigenvalues from 0 to 1
    root = np.linalg.inv(np.linalg.cholesky(total))
    leverage = root @ gram @ root.T
    eigenvalue, vector = np.linalg.eigh((leverage + leverage.transpose(0, 2, 1)) / 2)
    eigenvalue = np.clip(eigenvalue, 0.0, 1.0)
    left_over = np.where(eigenvalue < 1 - 1e-10, 1 - eigenvalue, np.inf)  # a direction that one cluster alone fixes

    def spread(values: np.ndarray) -> np.ndarray:
        return (vector * values[:, None, :]) @ vector.transpose(0, 2, 1)

    corrected = np.einsum("gij,gj->gi", spread(left_over**-0.5), score @ root.T)
    covariance = root.T @ (corrected.T @ corrected) @ root

    own = spread(eigenvalue / left_over)
    across = spread(eigenvalue * left_over**-0.5)

    def df(a: int, b: int) -> float:
        contrast = np.zeros(len(keep))
        contrast[a], contrast[b] = 1.0, -1.0
        w = root @ contrast
        diagonal = np.einsum("i,gij,j->g", w, own, w)
        h = across @ w
        trace = float((diagonal - (h**2).sum(axis=1)).sum())
        square = float((diagonal**2).sum() - 2 * (diagonal * (h**2).sum(axis=1)).sum() + ((h.T @ h) ** 2).sum())
        return trace**2 / square

    explained = data.merged().explained()
    arms = data.n_arms
    n = np.bincount(data.arm, data.n, minlength=arms)
    per_arm = np.array([len(set(cluster[data.arm == k])) for k in range(arms)])
    return ArmMeans(beta[:arms] + middle, covariance[:arms, :arms], df, n, per_arm, explained, data.dust())


def _within_arms(data: Outcome) -> tuple[np.ndarray, np.ndarray, list[int], float]:
    """Residual sum of squares of each cell, θ of the covariates kept, their places, and the share explained."""
    xx, xy, yy = data.xx.sum(axis=0), data.xy.sum(axis=0), data.yy.sum()
    keep = _independent_columns(xx)
    if not keep:
        return data.yy, np.zeros(0), keep, 0.0
    xx, xy = xx[np.ix_(keep, keep)], xy[keep]
    scale = np.sqrt(np.diag(xx))
    theta = np.linalg.solve(xx / np.outer(scale, scale), xy / scale) / scale
    own = data.xx[:, keep][:, :, keep]
    residual = data.yy - 2 * data.xy[:, keep] @ theta + np.einsum("i,cij,j->c", theta, own, theta)
    residual = np.maximum(residual, 0.0)
    return residual, theta, keep, float(1 - residual.sum() / yy) if yy > 0 else 0.0


def _independent_columns(gram: np.ndarray) -> list[int]:
    """Columns that the ones before don't already span: a covariate without variation within arms adds nothing."""
    keep: list[int] = []
    for k in range(len(gram)):
        candidate = [*keep, k]
        block = gram[np.ix_(candidate, candidate)]
        size = np.sqrt(np.diag(block))
        if size[-1] > 0 and np.linalg.eigvalsh(block / np.outer(size, size))[0] > 1e-10:
            keep = candidate
    return keep
