"""Times chains of ops on an instance of Dagster with its own SQLite, in one process, which is its fastest executor."""

import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import protocol  # noqa: E402

CASES = {"O1": 40, "O3": 50}


class Dagster:
    def __init__(self, home: pathlib.Path):
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        # Before the first import of dagster, which reads it.
        os.environ["DAGSTER_HOME"] = str(home)
        import dagster

        self.dagster = dagster
        self.instance = dagster.DagsterInstance.get()

    def run(self, length: int) -> dict:
        name = f"chain_of_{length}"
        job = self.dagster.build_reconstructable_job(
            "chains", "chain", (name, length), reconstructor_working_directory=str(HERE)
        )
        quiet = {"console": {"config": {"log_level": "ERROR"}}}
        config = {"execution": {"config": {"in_process": {}}}, "loggers": quiet}
        started = time.perf_counter()
        with self.dagster.execute_job(job, instance=self.instance, run_config=config) as result:
            wall = time.perf_counter() - started
            if not result.success:
                raise protocol.Wrong(f"the run of `{name}` failed")
            steps = self.instance.get_run_step_stats(result.run_id)
        tasks = [
            [step.step_key.removeprefix(f"{name}_"), step.start_time, step.end_time, step.status.value == "SUCCESS"]
            for step in steps
        ]
        return {"wall_s": wall, "tasks": tasks}

    def stop(self):
        self.instance.dispose()


if __name__ == "__main__":
    protocol.main(Dagster, CASES, warm=2)
