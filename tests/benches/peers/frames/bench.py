"""The 17 features of L1 by mlforecast, polars or pandas: `bench.py WHO TABLE`, then one request a line on the standard input.

`{"do": "warm"}` reads the table and computes once; `{"do": "features", "rows": [...]}` computes all, and answers with the seconds that took and
with the features of some rows, in the order of ours.
"""

import json
import math
import sys
import time

LAGS = [1, 5, 30, 60]
WINDOWS = [5, 30, 120]
STATS = ["mean", "std", "min", "max"]
ALPHA = 0.1


class Mlforecast:
    def __init__(self, table: str):
        import polars
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import (
            ExponentiallyWeightedMean,
            RollingMax,
            RollingMean,
            RollingMin,
            RollingStd,
        )

        self.frame = polars.read_parquet(table)
        kinds = [RollingMean, RollingStd, RollingMin, RollingMax]
        transforms = [kind(window) for window in WINDOWS for kind in kinds]
        transforms.append(ExponentiallyWeightedMean(ALPHA))
        self.forecast = MLForecast(
            models=[], freq="1m", lags=LAGS, lag_transforms={1: transforms}, num_threads=2
        )

    def compute(self):
        return self.forecast.preprocess(
            self.frame, id_col="unit", time_col="at", target_col="y", dropna=False, static_features=[]
        )

    def rows(self, found, rows: list) -> list:
        return [found[name].gather(rows).to_list() for name in found.columns[3:]]


class Polars:
    def __init__(self, table: str):
        import polars

        self.polars = polars
        self.frame = polars.read_parquet(table)

    def compute(self):
        value = self.polars.col("y")
        before = value.shift(1)
        features = [value.shift(lag).over("unit").alias(f"lag{lag}") for lag in LAGS]
        for window in WINDOWS:
            for stat in STATS:
                rolled = getattr(before, f"rolling_{stat}")(window)
                features.append(rolled.over("unit").alias(f"{stat}{window}"))
        average = before.ewm_mean(alpha=ALPHA, adjust=False).over("unit")
        return self.frame.with_columns(features + [average.alias("ema")])

    def rows(self, found, rows: list) -> list:
        return [found[name].gather(rows).to_list() for name in found.columns[3:]]


class Pandas:
    def __init__(self, table: str):
        import pandas

        self.frame = pandas.read_parquet(table)

    def compute(self):
        frame = self.frame.copy(deep=False)
        groups = frame.groupby("unit", sort=False)["y"]
        for lag in LAGS:
            frame[f"lag{lag}"] = groups.shift(lag)
        before = groups.shift(1).groupby(frame["unit"], sort=False)
        for window in WINDOWS:
            for stat in STATS:
                rolled = getattr(before.rolling(window), stat)()
                frame[f"{stat}{window}"] = rolled.droplevel(0)
        frame["ema"] = before.ewm(alpha=ALPHA, adjust=False).mean().droplevel(0)
        return frame

    def rows(self, found, rows: list) -> list:
        return [found[name].iloc[rows].tolist() for name in found.columns[3:]]


PEERS = {"mlforecast[polars]": Mlforecast, "polars": Polars, "pandas": Pandas}


def known(value):
    return None if value is None or math.isnan(value) else value


def main():
    peer = PEERS[sys.argv[1]](sys.argv[2])
    for line in sys.stdin:
        request = json.loads(line)
        started = time.perf_counter()
        found = peer.compute()
        answer = {"seconds": time.perf_counter() - started}
        if request["do"] == "features":
            columns = peer.rows(found, request["rows"])
            answer["values"] = [[known(value) for value in column] for column in columns]
        del found
        print(json.dumps(answer), flush=True)


main()
