"""Chains of light tasks, each of which needs the one before it."""

import datetime

from airflow.sdk import dag, task


def chain(name: str, length: int):
    @dag(dag_id=name, schedule=None, start_date=datetime.datetime(2026, 1, 1), catchup=False)
    def flow():
        before = None
        for place in range(length):

            @task(task_id=f"t{place}")
            def step():
                pass

            this = step()
            if before is not None:
                before >> this
            before = this

    flow()


chain("warm", 2)
chain("O1", 40)
chain("O3", 50)
