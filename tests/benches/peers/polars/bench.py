"""Lands a CSV file with polars: read, sort by day, machine and time, write one Parquet file a day with zstd."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import measured  # noqa: E402

started = time.perf_counter()
import polars  # noqa: E402

import_s = time.perf_counter() - started


def land(source: str, folder: str):
    lines = polars.scan_csv(source, try_parse_dates=True)
    table = lines.with_columns(day=polars.col("at").dt.date()).sort("day", "machine", "at").collect()
    for (day,), rows in table.partition_by("day", as_dict=True, maintain_order=True).items():
        place = pathlib.Path(folder) / f"date={day}"
        place.mkdir(parents=True)
        rows.drop("day").write_parquet(place / "part-0.parquet", compression="zstd", compression_level=1)


measured.measure(import_s, lambda: land(sys.argv[1], sys.argv[2]))
