"""From the files of a series to volumes.

    open -> slices -> copies left out -> kinds (series, size, orientation) -> repeats split -> ordered, checked -> array

What no volume may mix is refused whatever the caller says; what only makes the grid uneven is an error when `strict`,
else an issue of the volume.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomdecode.errors import DicomError, VolumeError
from dicomdecode.issues import Issue
from dicomdecode.limits import Limits, limits_of
from dicomdecode.pixels import Request
from dicomdecode.pixels.arguments import check_flag, check_whole
from dicomdecode.pixels.decode import cores
from dicomdecode.sources import expand
from dicomdecode.volumes.assembly import Wanted, assemble, is_same_picture
from dicomdecode.volumes.attributes import ATTRIBUTES
from dicomdecode.volumes.slices import Opened, Slice, names_of, open_file, place, same_origin, slices_of, uid_of
from dicomdecode.volumes.splitting import Group, Kinds, kinds_of, split_repeats
from dicomdecode.volumes.stack import affine_of_stack, faults_of, in_order, without_repeats
from dicomdecode.volumes.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["build"]

_UID, _SERIES, _FRAME_OF_REFERENCE = 0x00080018, 0x0020000E, 0x00200052
#: Attributes that say what a picture means: a volume in which they change is worth a word.
_MEANING = {attribute.name for attribute in ATTRIBUTES[: [a.name for a in ATTRIBUTES].index("SliceThickness")]}
#: What is never the same in two slices, or is a number of ours.
_COUNTERS = ("InstanceNumber", "SOPInstanceUID", "ImagePositionPatient", "DimensionIndexValues")
_SPLIT_HINT = 'Pass split="all" to get each of them'


class _Call(NamedTuple):
    """The options of a call, checked."""

    wanted: Wanted
    strict: bool
    split_all: bool
    threads: int
    limits: Limits


def build(
    sources: Any,
    values: str,
    dtype: DTypeLike | None,
    window: Any,
    *,
    strict: bool,
    split: bool | str,
    threads: int | None,
    limits: Limits | None,
) -> Volume | list[Volume]:
    """The volume, or all volumes, of the sources; the arguments are those of `read_series`."""
    if split is not True and split != "all":
        raise ValueError(f'split must be True or "all", not {split!r}')
    Request(values=values, dtype=dtype, window=window)  # raises what is wrong with them
    call = _Call(
        Wanted(values, dtype, window),
        check_flag("strict", strict),
        split == "all",
        cores() if threads is None else check_whole("threads", threads, 1),
        limits_of(limits),
    )
    issues: list[Issue] = []
    slices = _without_copies(_all_slices(sources, call, issues), issues)
    kinds = kinds_of(slices, same_space=call.strict)
    if call.split_all:
        return _each(kinds, call, issues)
    _check_one_kind(kinds, call, issues)
    groups = split_repeats(slices)
    if len(groups) > 1:
        _check_one_group(groups, call)
        issues.append(_left_out([one for group in groups[1:] for one in group.slices]))
    return _volume(groups[0], call, issues)


def _all_slices(sources: Any, call: _Call, issues: list[Issue]) -> list[Slice]:
    """The slices of all files, each of which says where it lies."""
    slices: list[Slice] = []
    for number, item in enumerate(expand(sources, call.limits)):
        try:
            if item.error is not None:
                raise item.error
            opened = open_file(number, item, call.limits)
            if opened.file.pixel_kind:
                slices += slices_of(opened)
            else:
                issues.append(Issue(f"source {number} holds no pixels: it is left out", code="no_pixel_data"))
        except DicomError as error:
            error.add_note(f"in source {number} of the series")
            raise
    if call.split_all and not call.strict:
        slices = _placed(slices, issues)
    if not slices:
        raise VolumeError("There is no image among the sources", code="not_a_volume")
    if not call.split_all:
        _check_one_series(slices)
    place(slices)
    return slices


def _check_one_series(slices: list[Slice]) -> None:
    """Other series come before slices without a place: a screenshot among the slices of a volume is both."""
    firsts = {uid_of(one.opened.file, _SERIES): one for one in slices[::-1]}
    if len(firsts) > 1:
        raise VolumeError(
            f"The sources are of {len(firsts)} series, by Series Instance UID: the first slices are "
            f"{names_of(list(firsts.values())[::-1])}",
            code="series_mixed",
            hint=_SPLIT_HINT,
        )


def _placed(slices: list[Slice], issues: list[Issue]) -> list[Slice]:
    """Those that say where they lie, if any do; an issue tells of each source that has others."""
    placed = []
    lost: dict[int, VolumeError] = {}
    for one in slices:
        try:
            place([one])
        except VolumeError as error:
            lost.setdefault(one.opened.number, error)
        else:
            placed.append(one)
    for fault in lost.values():
        if not placed:
            raise fault
        issues.append(Issue(fault.message, fault.code))
    return placed


def _without_copies(slices: list[Slice], issues: list[Issue]) -> list[Slice]:
    """Leave out a file that is there once more. One SOP Instance UID with other pixels stays: a repeated slice, or one
    at another position, of which an issue tells."""
    seen: dict[bytes, Opened] = {}
    parts: dict[int, list[Slice]] = {}
    for one in slices:
        parts.setdefault(one.opened.number, []).append(one)
    planes = {number: [one.plane for one in part] for number, part in parts.items()}
    copies: set[int] = set()
    shared: list[Slice] = []
    for opened in (part[0].opened for part in parts.values()):
        uid = uid_of(opened.file, _UID)
        first = seen.setdefault(uid, opened) if uid else opened
        if first is opened:
            continue
        if planes[first.number] != planes[opened.number]:
            shared.append(parts[opened.number][0])
            continue
        if same_origin(first.origin, opened.origin) or is_same_picture(first, opened):
            copies.add(opened.number)
            text = f"source {opened.number} is source {first.number} once more: it is left out"
            issues.append(Issue(text, code="slices_duplicate"))
    if shared:
        text = f"{len(shared)} sources have the SOP Instance UID of another one: {names_of(shared)}"
        issues.append(Issue(text, code="slices_duplicate"))
    return [one for one in slices if one.opened.number not in copies]


def _check_one_kind(kinds: Kinds, call: _Call, issues: list[Issue]) -> None:
    firsts = names_of([group[0] for group in kinds.groups])
    if kinds.frames_of_reference > 1:
        text = _frames_of_reference(kinds)
        if call.strict:
            raise VolumeError(f"{text}: {firsts}", code="series_mixed", hint=_SPLIT_HINT)
        issues.append(Issue(text, code="series_mixed"))
    if kinds.sizes > 1:
        raise VolumeError(
            f"Slices are of {kinds.sizes} sizes, by Rows, Columns and Samples per Pixel: {firsts}",
            code="size_mixed",
            hint=_SPLIT_HINT,
        )
    if kinds.orientations > 1:
        raise VolumeError(
            f"Slices have {kinds.orientations} orientations, as in a localizer: {firsts}",
            code="orientation_mixed",
            hint=_SPLIT_HINT,
        )
    if kinds.spacings > 1:
        raise VolumeError(
            f"Pixels are of {kinds.spacings} sizes, by Pixel Spacing: {firsts}", code="size_mixed", hint=_SPLIT_HINT
        )


def _frames_of_reference(kinds: Kinds) -> str:
    return f"The sources have {kinds.frames_of_reference} frames of reference, so their positions do not compare"


def _check_one_group(groups: list[Group], call: _Call) -> None:
    """Raise for several volumes; only the repeats that Instance Number alone tells apart may be left out."""
    by_number = all(group.told_by == ("InstanceNumber",) for group in groups)
    total = sum(len(group.slices) for group in groups)
    if by_number and not call.strict:
        return
    if by_number:
        raise VolumeError(
            f"{total} slices lie at {len(groups[0].slices)} positions, {len(groups)} at each, and nothing but Instance "
            "Number tells them apart",
            code="slices_duplicate",
            hint=_SPLIT_HINT,
        )
    names = ", ".join(dict.fromkeys(name for group in groups for name in group.told_by))
    raise VolumeError(
        f"{total} slices are {len(groups)} volumes, which differ in {names}", code="series_mixed", hint=_SPLIT_HINT
    )


def _each(kinds: Kinds, call: _Call, issues: list[Issue]) -> list[Volume]:
    """The volume of every group; what is none raises, or is left out when not strict."""
    volumes: list[Volume] = []
    lost: list[VolumeError] = []
    if kinds.frames_of_reference > kinds.series and not call.strict:
        issues.append(Issue(_frames_of_reference(kinds), code="series_mixed"))
    for slices in kinds.groups:
        for group in split_repeats(slices):
            try:
                volume = _volume(group, call, issues)
            except VolumeError as error:
                if call.strict:
                    raise
                lost.append(error)
                continue
            volume.varies = {**_kind_of(slices[0], kinds, call), **volume.varies}
            volumes.append(volume)
    if not volumes:
        raise lost[0]
    for volume in volumes:
        volume.issues += tuple(Issue(f"left out: {error.message}", error.code) for error in lost)
    return volumes


def _kind_of(one: Slice, kinds: Kinds, call: _Call) -> dict[str, Any]:
    """What tells the kind of a volume from the others, and is no column."""
    found: dict[str, Any] = {}
    if kinds.series > 1:
        found["SeriesInstanceUID"] = one.opened.file.tag(_SERIES)
    if kinds.frames_of_reference > kinds.series and call.strict:
        found["FrameOfReferenceUID"] = one.opened.file.tag(_FRAME_OF_REFERENCE)
    if kinds.sizes > 1:
        found["Rows"], found["Columns"] = one.rows, one.columns
    if kinds.spacings > 1:
        found["PixelSpacing"] = one.plane.spacing
    if kinds.orientations > 1:
        found["ImageOrientationPatient"] = one.plane.orientation
    return found


def _volume(group: Group, call: _Call, issues: list[Issue]) -> Volume:
    """Order, check and decode the slices of one volume.

    Raises
    ------
    VolumeError
        They are no volume; when strict, also whatever is odd about their positions.
    """
    ordered = in_order(group.slices)
    slices, repeats = without_repeats(ordered)
    faults = list(_faults(slices, repeats))
    if faults and (call.strict or (len(slices) == 1 and (repeats or slices[0].plane.thickness is None))):
        raise faults[0]
    rows = {id(one): row for one, row in zip(group.slices, group.rows, strict=True)}
    varies: dict[str, Any] = {}
    for name, column in group.columns.items():
        found = [column[rows[id(one)]] for one in slices]
        is_one = len(set(found)) == 1
        if not name.startswith(_COUNTERS) or (is_one and name in group.told_by):
            varies[name] = found[0] if is_one else found
    told = [*issues, *(Issue(fault.message, fault.code) for fault in faults), *_words(group, varies, call)]
    array = assemble(slices, call.wanted, call.threads, call.limits)
    sources = {one.opened.number: one.opened.origin for one in slices}
    return Volume(array, affine_of_stack(slices), tuple(sources.values()), varies, tuple(told))


def _faults(slices: list[Slice], repeats: list[Slice]) -> Iterable[VolumeError]:
    if len(slices) == 1 and repeats:
        is_common = slices[0].opened.file.frames > len(repeats) and not slices[0].opened.file.has_functional_groups
        yield VolumeError(
            f"All {1 + len(repeats)} slices lie at one position"
            + (": the file says nothing of where each of its frames lies" if is_common else ""),
            code="not_a_volume",
            hint="dicomdecode.imread reads them",
        )
        return
    if len(slices) == 1:
        yield VolumeError(
            f"There is one slice ({slices[0].name}), and no other that says how far apart they are",
            code="not_a_volume",
            hint="strict=False makes it as thick as Slice Thickness says; dicomdecode.imread reads it as a picture",
        )
    if repeats:
        yield VolumeError(
            f"{len(repeats)} more slices lie where others lie: {names_of(repeats)}",
            code="slices_duplicate",
            hint="strict=False takes the first at each position",
        )
    yield from faults_of(slices)


def _left_out(slices: list[Slice]) -> Issue:
    return Issue(f"{len(slices)} slices that lie where others lie are left out: {names_of(slices)}", "slices_duplicate")


def _words(group: Group, varies: dict[str, Any], call: _Call) -> Iterable[Issue]:
    """What is to be said of a volume besides its positions."""
    if group.by_number and call.split_all:
        text = "nothing but Instance Number tells the volume from others at the same positions"
        yield Issue(text, code="slices_duplicate")
    mosaics = {one.opened.number: one.mosaic.maker for one in group.slices if one.mosaic is not None}
    for number, maker in mosaics.items():
        yield Issue(f"source {number} is a mosaic of {maker}: it was taken apart into its slices", code="mosaic")
    changing = [name for name, value in varies.items() if isinstance(value, list)]
    mixed = [name for name in changing if name in _MEANING]
    if mixed:
        yield Issue(f"among the slices of the volume {', '.join(mixed)} changes", code="series_mixed")
    if call.wanted.values == "stored" and {"RescaleSlope", "RescaleIntercept"} & set(changing):
        yield Issue("stored values of slices do not compare: their rescale changes", code="series_mixed")
