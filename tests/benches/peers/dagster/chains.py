"""Chains of light ops, each of which waits for the one before it."""

from dagster import In, Nothing, Out, job, op


def chain(name: str, length: int):
    @op(name=f"{name}_t0", out=Out(Nothing))
    def first():
        pass

    steps = [first]
    for place in range(1, length):

        @op(name=f"{name}_t{place}", ins={"before": In(Nothing)}, out=Out(Nothing))
        def step():
            pass

        steps.append(step)

    @job(name=name)
    def whole():
        done = steps[0]()
        for step in steps[1:]:
            done = step(before=done)

    return whole
