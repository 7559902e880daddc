"""What is written of one source: an array, its place in the patient, and the tags that were asked for, no others."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.errors import MalformedError
from dicomdecode.image import open_image
from dicomdecode.tags import keyword_of, parse_tag
from dicomdecode.volumes import read_series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.image import DicomImage
    from dicomdecode.limits import Limits
    from dicomdecode.volumes import Volume

__all__ = ["Reading", "Record", "Tags", "names_of_tags", "read_record"]

#: name -> tag, as the caller wrote it.
Tags = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one source.

    Attributes
    ----------
    index : int
        Its place in the input, counted from 0.
    array : ndarray
        Its pixels; without elements where only tags are written, or volumes.
    has_frames : bool
        The first axis of `array` is that of frames.
    tags : dict
        name -> str, int, float, list of these, or None.
    volumes : tuple of Volume
        Of a series.
    """

    index: int
    array: NDArray[Any]
    has_frames: bool
    tags: dict[str, Any]
    volumes: tuple[Volume, ...] = ()

    @property
    def has_samples(self) -> bool:
        """The last axis of `array` is that of samples."""
        return self.array.ndim > 2 + self.has_frames


def names_of_tags(tags: Any) -> dict[str, Any]:
    """The tags that a caller asks for, by name.

    Raises
    ------
    ValueError, TypeError
        One is no tag.
    """
    if isinstance(tags, (str, int)):
        tags = [tags]
    named = tags.items() if isinstance(tags, Mapping) else ((_name_of(tag), tag) for tag in tags)
    return {str(name): tag for name, tag in named if parse_tag(tag)}


def _name_of(tag: Any) -> str:
    """A tag's keyword as it was written; of a number its keyword, or the number."""
    if isinstance(tag, str):
        return tag
    path = parse_tag(tag)
    return keyword_of(path[-1]) or f"{path[-1]:08X}"


class Reading(NamedTuple):
    """What to read of each source.

    Attributes
    ----------
    keywords : dict
        Of `imread`.
    tags : dict
        name -> tag.
    limits : Limits
        What a file may ask for.
    with_pixels, by_series : bool
        Of the format.
    """

    keywords: dict[str, Any]
    tags: Tags
    limits: Limits
    with_pixels: bool = True
    by_series: bool = False


def read_record(index: int, source: Any, reading: Reading, threads: int) -> Record:
    """Read one source; of a series its volumes, from a tuple of sources.

    Raises
    ------
    DicomError, OSError
        It cannot be decoded, or not be read.
    """
    if reading.by_series:
        volumes = read_series(list(source), **reading.keywords, split="all", threads=threads, limits=reading.limits)
        with open_image(source[0], limits=reading.limits) as image:
            return Record(index, np.empty(0), False, _tags_of(image, reading.tags), tuple(volumes))
    with open_image(source, limits=reading.limits) as image:
        found = _tags_of(image, reading.tags)
        if not reading.with_pixels:
            return Record(index, np.empty(0), False, found)
        frames = reading.keywords.get("frames")
        has_frames = image.frames > 1 if frames is None else not isinstance(frames, (int, np.integer))
        return Record(index, image.pixels(**reading.keywords, threads=threads), has_frames, found)


def _tags_of(image: DicomImage, tags: Tags) -> dict[str, Any]:
    return {name: value_of(image.tag(path)) for name, path in tags.items()}


def value_of(value: Any) -> Any:
    """A value of an element as what every format can hold.

    Raises
    ------
    DicomError
        It is a sequence.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, list):
        return [value_of(each) for each in value]
    raise MalformedError("A sequence is no value to be written", code="sequence_text", hint="Give a path to an element")
