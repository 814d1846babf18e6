"""Times chains on `airflow standalone` with its own SQLite, one task at a time."""

import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import protocol  # noqa: E402

CASES = {"O1": "O1", "O3": "O3"}


def settings(home: pathlib.Path, port: int) -> dict:
    return {
        **os.environ,
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # The default of 5 s fails tasks on a busy machine.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # One worker.
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


class Airflow:
    def __init__(self, home: pathlib.Path):
        (home / "dags").mkdir(parents=True)
        shutil.copy(HERE / "dags.py", home / "dags" / "dags.py")
        port = protocol.free_port()
        self.health = f"http://localhost:{port}/api/v2/monitor/health"
        self.environment = settings(home, port)
        self.database = home / "airflow.db"
        self.log = open(home / "standalone.log", "wb")
        self.server = subprocess.Popen(
            ["airflow", "standalone"], env=self.environment, cwd=home, stdout=self.log, stderr=self.log
        )

    def rows(self, query: str, *values):
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def knows(self, dag: str) -> bool:
        if not protocol.answers(self.server, self.health):
            return False
        try:
            known = self.rows("SELECT 1 FROM dag d JOIN serialized_dag s USING (dag_id) WHERE d.dag_id = ?", dag)
        except sqlite3.Error:
            return False
        return bool(known)

    def run(self, dag: str) -> dict:
        protocol.wait(lambda: self.knows(dag), 240, f"Airflow has read the DAG `{dag}`")
        command = ["airflow", "dags", "trigger", dag]
        subprocess.run(command, env=self.environment, stdout=self.log, stderr=self.log, check=True, timeout=180)
        newest = "SELECT run_id, state, queued_at, end_date FROM dag_run WHERE dag_id = ? ORDER BY id DESC LIMIT 1"
        protocol.wait(
            lambda: self.rows(newest, dag)[0][1] in ("success", "failed"), 900, f"the run of `{dag}` is over"
        )
        run, state, queued_at, ended_at = self.rows(newest, dag)[0]
        tasks = self.rows(
            "SELECT task_id, start_date, end_date, state FROM task_instance WHERE dag_id = ? AND run_id = ?", dag, run
        )
        if state != "success":
            raise protocol.Wrong(f"the run of `{dag}` became {state}")
        seconds = protocol.seconds
        return {
            "wall_s": seconds(ended_at) - seconds(queued_at),
            "tasks": [[name, seconds(start), seconds(end), state == "success"] for name, start, end, state in tasks],
        }

    def stop(self):
        protocol.end(self.server, signal.SIGINT)


if __name__ == "__main__":
    protocol.main(Airflow, CASES, warm="warm")
