"""What asv measures from commit to commit."""

from __future__ import annotations

import dicomdecode as dd
from benchmarks import samples


class Toy:
    params = ("modality", "display")
    param_names = ("values",)

    def setup(self, values: str) -> None:
        self.contents = samples.xray()

    def time_imread(self, values: str) -> None:
        dd.imread(self.contents, values=values)
