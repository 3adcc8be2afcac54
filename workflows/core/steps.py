"""Step keys: the name under which the ledger counts the submits of one step.

A key is the path of scopes plus an ordinal within the scope, as in `documents.3/chunks.0/1`. It
does not depend on which item finishes first, so every replay and re-run finds the same keys.

The outermost scope belongs to the job, not to the task that asks first: tasks that `work` starts by
itself and signal handlers count in it too, and never find a key that was given to another step.
"""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Scope:
    """A place in the tree of steps, counting what happens directly in it."""

    path: str = ""
    steps: int = 0
    gathers: int = 0

    def next_step_key(self) -> str:
        """Return the key of the next step in this scope."""
        self.steps += 1
        return f"{self.path}{self.steps}"

    def next_gather(self, name: str) -> str:
        """Return the path under which the items of the next gather live."""
        self.gathers += 1
        ordinal = f"~{self.gathers}" if self.gathers > 1 else ""
        return f"{self.path}{name}{ordinal}"


_scope: ContextVar[Scope] = ContextVar("scope")


def current_scope(outermost: Scope) -> Scope:
    """Return the scope of the running task: its item's, or else the job's outermost one."""
    return _scope.get(outermost)


def enter_item(gather_path: str, index: int) -> None:
    """Enter the scope of one item of a gather, in a task of its own, with which it ends."""
    _scope.set(Scope(f"{gather_path}.{index}/"))
