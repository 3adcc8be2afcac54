"""Names of Temporal's task queues, derived from one base name."""

from enum import StrEnum


class Queue(StrEnum):
    """The kinds of work, told apart by what they wait for."""

    MAIN = ""
    URGENT = "-urgent"
    OPENAI = "-openai"
    CPU = "-cpu"
    CALLBACKS = "-callbacks"

    def under(self, base: str) -> str:
        """Return the queue's name in an installation whose base queue has this name."""
        return base + self.value


SWITCHES = {
    "main": (Queue.MAIN, Queue.URGENT),
    "openai": (Queue.OPENAI,),
    "cpu": (Queue.CPU,),
    "callbacks": (Queue.CALLBACKS,),
}
"""What `worker.py --queues` accepts. Who runs jobs can always cancel them."""
