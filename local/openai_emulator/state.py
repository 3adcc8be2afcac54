"""Everything one emulator remembers, so that a reset can be sure to forget it all."""

import time
from collections import Counter

from local.openai_emulator.deliveries import Dispatcher
from local.openai_emulator.files import FilesApi
from local.openai_emulator.ledger import Ledger
from local.openai_emulator.limits import RateLimits
from local.openai_emulator.scripts import ScriptBook
from local.openai_emulator.settings import EmulatorSettings


class State:
    """One emulator's memory."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._settings = settings
        self.tuning = settings.tuning()
        self.calls: Counter[str] = Counter()
        self.ledger = Ledger(self.tuning, clock=time.time)
        self.book = ScriptBook()
        self.limits = RateLimits(self.tuning, clock=time.time)
        self.files = FilesApi(clock=time.time)
        self.dispatcher = Dispatcher(self.ledger, self.tuning)

    def reset(self) -> None:
        """Be as new."""
        self.tuning.change(self._settings.tuning().model_dump())
        self.calls.clear()
        self.ledger.clear()
        self.book.clear()
        self.limits.clear()
        self.files.clear()
        self.dispatcher.clear()
