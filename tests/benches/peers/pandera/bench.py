"""The 51 checks of W6 with Pandera on a frame of pandas, read from Parquet."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import measured  # noqa: E402

started = time.perf_counter()
import pandas  # noqa: E402
import pandera.pandas as pandera  # noqa: E402

import_s = time.perf_counter() - started

FLOATS = [f"value_{column:02}" for column in range(20)]
OTHERS = ["ts", "id", "sensor", "state", "site", "count"]


def schema() -> pandera.DataFrameSchema:
    columns = {name: pandera.Column(nullable=False) for name in OTHERS + FLOATS}
    for name in FLOATS:
        columns[name] = pandera.Column(nullable=False, checks=pandera.Check.in_range(0, 100, name="range"))
    mean = pandera.Check(lambda values: 45 <= values.mean() <= 55, name="mean")
    columns["value_00"].checks.append(mean)
    columns["id"] = pandera.Column(nullable=False, unique=True)
    columns["state"] = pandera.Column(nullable=False, checks=pandera.Check.isin(["ok", "idle", "fault"], name="set"))
    pattern = pandera.Check.str_matches(r"^sensor-[0-9]{4}$", name="regex")
    columns["sensor"] = pandera.Column(nullable=False, checks=pattern)
    row_count = pandera.Check(lambda table: len(table) >= 1, name="row_count")
    return pandera.DataFrameSchema(columns, checks=row_count)


def validate(source: str):
    table = pandas.read_parquet(source)
    try:
        schema().validate(table, lazy=True)
        cases = pandas.DataFrame({"column": [], "check": []})
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
    # A failing check of a column as a whole is one case.
    counts = cases.groupby(["column", "check"]).size().to_dict()
    count = lambda column, check: int(counts.get((column, check), 0))  # noqa: E731
    failing = [["not_null", name, count(name, "not_nullable")] for name in OTHERS + FLOATS]
    failing += [["range", name, count(name, "range")] for name in FLOATS]
    failing += [
        ["unique", "id", count("id", "field_uniqueness")],
        ["set", "state", count("state", "set")],
        ["regex", "sensor", count("sensor", "regex")],
        ["mean", "value_00", count("value_00", "mean")],
        ["row_count", "", sum(size for (_, check), size in counts.items() if check == "row_count")],
    ]
    return {"failing": failing}


measured.measure(import_s, lambda: validate(sys.argv[1]))
