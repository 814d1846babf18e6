"""Writes golden.json: a small table, and what pandas says of it. Run by hand: `python golden.py > golden.json` (pandas 2 or 3).

The test `numbers_are_those_of_pandas` holds the checks against it.
"""

import json
import random

import pandas as pd

random.seed(7)
START = pd.Timestamp("2026-01-01")
rows = []
for sensor in ("pump-1", "pump-22", "compressor-hall-a-0003"):
    at = START
    for _ in range(120):
        step = random.choice([60, 60, 60, 60, 61, 0, 600])
        at += pd.Timedelta(seconds=step)
        value = random.gauss(50, 10) if random.random() > 0.05 else None
        rows.append(
            {
                "ts": at.isoformat(),
                "sensor": sensor,
                "value": None if value is None else round(value, 3) * random.choice([1, 1, 1, 1e6]),
                "count": random.choice([None, *range(-5, 40)]),
                "state": random.choice(["ok", "ok", "ok", "warn", "E17", None]),
            }
        )
random.shuffle(rows)
table = pd.DataFrame(rows)
table["count"] = table["count"].astype("Int64")
time = pd.to_datetime(table["ts"])
value, state = table["value"], table["state"]
by_sensor = table.assign(ts=time).groupby("sensor")["ts"]
steps = by_sensor.apply(lambda ts: ts.drop_duplicates().sort_values().diff().dropna().dt.total_seconds())
falls = by_sensor.apply(lambda ts: (ts.diff().dt.total_seconds() < 0).sum())

golden = {
    "pandas": pd.__version__,
    "table": {name: [None if pd.isna(cell) else cell for cell in table[name].astype(object)] for name in table},
    "values": {
        "mean": value.mean(),
        "std": value.std(),
        "sum": value.sum(),
        "min": value.min(),
        "max": value.max(),
        "quantiles": {str(q): value.quantile(q) for q in (0.01, 0.1, 0.25, 0.5, 0.9, 0.999)},
        "count_mean": float(table["count"].mean()),
        "count_std": float(table["count"].std()),
        "distinct_values": int(value.nunique()),
    },
    "failing": {
        "not_null": int(value.isna().sum()),
        "unique": int(table["count"].dropna().duplicated().sum()),
        "compound_unique": int(table.dropna(subset=["sensor", "count"]).duplicated(["sensor", "count"]).sum()),
        "range": int(((value < 35) | (value >= 65)).sum()),
        "set": int((~state.dropna().isin(["ok", "warn"])).sum()),
        "regex": int((~table["sensor"].str.match(r"^pump-[0-9]+$")).sum()),
        "length": int((table["sensor"].str.len() > 6).sum()),
        "monotone_time": int(falls.sum()),
        "regular_frequency": int(((steps - 60).abs() > 1).sum()),
        "duplicate_times": int(table.duplicated(["sensor", "ts"]).sum()),
        "expression": int((~(table["count"] * 2 < value)[table["count"].notna() & value.notna()]).sum()),
    },
    "gaps": int((steps > 90).sum()),
    "ok_mean": value[state == "ok"].mean(),
}
print(json.dumps(golden, default=lambda number: number.item()))
