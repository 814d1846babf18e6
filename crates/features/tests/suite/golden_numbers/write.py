"""Writes `parity.json`: what pandas, polars, scipy and scikit-learn say of a series that any language can rebuild.

Run with pandas 2.3.3, polars 2.1.0, numpy 2.4.6, scipy 1.17.1 and scikit-learn 1.9.1: `python write.py > parity.json`.
The series: 400 sums of twelve uniform draws of SplitMix64 (seed 42) minus 6, times 3 plus 50; a row a minute.
"""

import json
import math

import numpy
import pandas
import polars
import scipy.stats
import sklearn
import sklearn.decomposition
import sklearn.preprocessing

ROWS = 400
MASK = (1 << 64) - 1


def draws(seed: int):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        mixed = state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        yield ((mixed ^ (mixed >> 31)) >> 11) * 2.0**-53


def series(seed: int) -> list:
    uniform = draws(seed)
    values = []
    for _ in range(ROWS):
        total = 0.0
        for _ in range(12):
            total += next(uniform)
        values.append((total - 6.0) * 3.0 + 50.0)
    return values


def known(values) -> list:
    """Every seventh row; missing values as null."""
    values = [None if value is None or math.isnan(value) else float(value) for value in values]
    return values[::7]


y = series(42)
in_pandas = pandas.Series(y)
before = in_pandas.shift(1)
from_pandas = {
    "y_lag_1": in_pandas.shift(1),
    "y_lag_30": in_pandas.shift(30),
    "y_diff_5": before - before.shift(5),
    "y_ema_alpha0.1": before.ewm(alpha=0.1, adjust=False).mean(),
    "y_ema12": before.ewm(span=12, adjust=False).mean(),
    "y_expanding_mean": before.expanding().mean(),
    "y_expanding_std": before.expanding().std(),
    "y_expanding_skew": before.expanding().skew(),
    "y_expanding_max": before.expanding().max(),
}
for window in [5, 30]:
    rolling = before.rolling(window)
    for stat in ["mean", "std", "min", "max", "sum", "median", "skew"]:
        from_pandas[f"y_roll{window}_{stat}"] = getattr(rolling, stat)()
    from_pandas[f"y_roll{window}_q90"] = rolling.quantile(0.9)
    slope = lambda values: scipy.stats.linregress(numpy.arange(len(values)) / 60.0, values).slope
    from_pandas[f"y_roll{window}_slope"] = rolling.apply(slope, raw=True)

in_polars = polars.Series("y", y).shift(1)
from_polars = {}
for window in [5, 30]:
    for stat in ["mean", "std", "min", "max", "median"]:
        from_polars[f"y_roll{window}_{stat}"] = getattr(in_polars, f"rolling_{stat}")(window).to_list()

x = numpy.array(series(7)) - 50.0
z = numpy.array(series(9)) - 50.0
training = numpy.column_stack([x, z])
robust = sklearn.preprocessing.RobustScaler().fit(training)
standard = sklearn.preprocessing.StandardScaler().fit(training)
principal = sklearn.decomposition.PCA(2).fit(standard.transform(training))
fitted = {
    "robust": [float(robust.center_[0]), float(robust.scale_[0])],
    "standard": [float(standard.mean_[0]), float(standard.scale_[0])],
    "quantiles": [float(numpy.quantile(x, share)) for share in [0.01, 0.99]],
    "yeo_johnson": float(scipy.stats.yeojohnson_normmax(x)),
    "pca": numpy.abs(principal.components_).tolist(),
}

print(
    json.dumps(
        {
            "versions": {
                module.__name__: module.__version__
                for module in [numpy, pandas, polars, sklearn]
            },
            "pandas": {name: known(values) for name, values in from_pandas.items()},
            "polars": {name: known(values) for name, values in from_polars.items()},
            "fitted": fitted,
        },
        indent=1,
    )
)
