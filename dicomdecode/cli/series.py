"""`dicomdecode info --series`: the files put together by their series, and the volume that each of them is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dicomdecode
from dicomdecode.cli.files import find
from dicomdecode.cli.terminal import clean, complain, say, styled, text_of
from dicomdecode.cli.values import as_json, short
from dicomdecode.errors import DicomError
from dicomdecode.syntaxes import name_of

__all__ = ["cards_of_series"]


@dataclass
class _Series:
    """What the files of a series have in common, and how many of each kind there are."""

    number: Any
    description: Any
    modality: Any
    files: list[str] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    syntaxes: Counter[str] = field(default_factory=Counter)
    frames: int = 0

    def add(self, name: str, image: dicomdecode.DicomImage) -> None:
        self.files.append(name)
        self.frames += image.frames if image.rows else 0
        self.sizes[f"{image.rows} x {image.columns}" if image.rows else "no pixels"] += 1
        self.syntaxes[name_of(image.transfer_syntax)] += 1


def cards_of_series(names: Sequence[str], *, as_lines: bool) -> int:
    """Say what the series are; volumes are decoded to see whether they are any."""
    files, failed = find(names)
    found: dict[Any, _Series] = {}
    for name in files:
        try:
            with dicomdecode.open(name) as image:
                key = image.tag("SeriesInstanceUID")
                about = (image.tag("SeriesNumber"), image.tag("SeriesDescription"), image.tag("Modality"))
                found.setdefault(key, _Series(*about)).add(name, image)
        except (DicomError, OSError) as error:
            complain(name, error)
            failed = True
    for uid, series in sorted(found.items(), key=lambda pair: (str(pair[1].number or "").zfill(12), str(pair[0]))):
        facts = _facts(uid, series)
        say(as_json(facts) if as_lines else "\n".join(_card(facts)))
    return int(failed or not found)


def _facts(uid: Any, series: _Series) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "uid": uid,
        "number": series.number,
        "description": series.description,
        "modality": series.modality,
        "files": len(series.files),
        "frames": series.frames,
        "sizes": dict(series.sizes),
        "transfer_syntaxes": dict(series.syntaxes),
        "volume": None,
        "issues": [],
    }
    try:
        volume = dicomdecode.read_series(series.files)
    except (DicomError, OSError, ImportError, MemoryError) as error:
        facts["no_volume"] = text_of(error)
        return facts
    facts["volume"] = {"shape": volume.shape, "dtype": str(volume.dtype), "spacing": volume.spacing}
    facts["issues"] = [f"{issue.code}: {issue}" for issue in volume.issues]
    return facts


def _card(facts: dict[str, Any]) -> list[str]:
    def counts(found: dict[str, int]) -> str:
        return ", ".join(found) if len(found) == 1 else ", ".join(f"{count} of {name}" for name, count in found.items())

    number, modality, description = (short(facts[key], "") for key in ("number", "modality", "description"))
    title = ", ".join(filter(None, (f"series {number}".rstrip(), modality, description)))
    files, frames = (f"{facts[key]} {key.removesuffix('s') if facts[key] == 1 else key}" for key in ("files", "frames"))
    lines = [("holds", f"{files}, {frames}"), ("size", counts(facts["sizes"]))]
    lines.append(("transfer syntax", counts(facts["transfer_syntaxes"])))
    volume = facts["volume"]
    if volume is None:
        lines.append(("no volume", facts["no_volume"]))
    else:
        spacing = " x ".join(f"{step:.4g}" for step in volume["spacing"])
        lines.append(("volume", f"{volume['dtype']} {volume['shape']}, {spacing} mm (slice, row, column)"))
    lines += [("issue", issue) for issue in facts["issues"]]
    return [
        styled(clean(title), "name"),
        *(f"  {styled(f'{label:17}', 'label')}{clean(text)}" for label, text in lines),
    ]
