"""Lands a CSV file with pandas: read, sort by day, machine and time, write one Parquet file a day with zstd."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import measured  # noqa: E402

started = time.perf_counter()
import pandas  # noqa: E402

import_s = time.perf_counter() - started


def land(source: str, folder: str):
    # The readers of Arrow are the fastest that pandas has.
    table = pandas.read_csv(source, engine="pyarrow", parse_dates=["at"])
    day = table["at"].dt.floor("D")
    table = table.assign(day=day).sort_values(["day", "machine", "at"], kind="stable")
    for day, rows in table.groupby("day", sort=True):
        place = pathlib.Path(folder) / f"date={day:%Y-%m-%d}"
        place.mkdir(parents=True)
        rows.drop(columns="day").to_parquet(
            place / "part-0.parquet", compression="zstd", compression_level=1, index=False
        )


measured.measure(import_s, lambda: land(sys.argv[1], sys.argv[2]))
