"""Times chains of one flow's tasks against `prefect server start` with its own SQLite."""

import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import protocol  # noqa: E402

CASES = {"O1": 40, "O3": 50}


class Prefect:
    def __init__(self, home: pathlib.Path):
        port = protocol.free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        # Before the first import of prefect, which reads them.
        os.environ.update(
            PREFECT_HOME=str(home),
            PREFECT_API_URL=self.url,
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            DO_NOT_TRACK="1",
            PREFECT_LOGGING_LEVEL="WARNING",
        )
        self.log = open(home / "server.log", "wb")
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        self.server = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        health = f"{self.url}/health"
        protocol.wait(lambda: protocol.answers(self.server, health), 120, "the server of Prefect answers")
        import prefect

        @prefect.task
        def step(before):
            return before

        @prefect.flow
        def chain(length: int):
            done = None
            for place in range(length):
                done = step.with_options(task_run_name=f"t{place}")(done)

        self.chain = chain

    def run(self, length: int) -> dict:
        started = time.perf_counter()
        state = self.chain(length, return_state=True)
        wall = time.perf_counter() - started
        return {"wall_s": wall, "tasks": self.tasks_of(state, length)}

    def tasks_of(self, state, length: int) -> list:
        """What the server knows of the tasks, which it hears a little later."""
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

        if not state.is_completed():
            raise protocol.Wrong(f"the flow became {state.type}")
        of_this = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        known = []

        def all_ended() -> bool:
            with get_client(sync_client=True) as client:
                known[:] = client.read_task_runs(flow_run_filter=of_this)
            return len(known) >= length and all(run.end_time for run in known)

        protocol.wait(all_ended, 60, "the server knows the end of all tasks")
        return [
            [run.name, run.start_time.timestamp(), run.end_time.timestamp(), run.state.is_completed()] for run in known
        ]

    def stop(self):
        protocol.end(self.server, signal.SIGTERM)


if __name__ == "__main__":
    protocol.main(Prefect, CASES, warm=2)
