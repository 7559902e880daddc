"""What can tell the volumes of one series apart, and what of it changes from slice to slice."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomdecode.reading.groups import FunctionalGroups
from dicomdecode.reading.private import private_tag

if TYPE_CHECKING:
    from dicomdecode.reading import DataSet, DicomFile
    from dicomdecode.volumes.slices import Slice

__all__ = ["ALWAYS", "ATTRIBUTES", "Attribute", "Columns", "read_columns"]

#: name of an attribute -> its value in each slice. Attributes that never change are left out.
Columns = Mapping[str, list[Hashable]]


class Attribute(NamedTuple):
    """An attribute that may differ between volumes.

    Attributes
    ----------
    name : str
        Its keyword (PS3.6); of a private one a name of ours.
    tag : int
        Of a private element its group and its number in the creator's block.
    sequences : tuple of int
        Where it is in the functional groups; empty for the data set alone.
    creator : str
        Of a private element.
    is_vector : bool
        A value for each frame, in the data set (nuclear medicine).
    """

    name: str
    tag: int
    sequences: tuple[int, ...] = ()
    creator: str = ""
    is_vector: bool = False


_CONTENT, _TIMING, _HEART = 0x00209111, 0x00189112, 0x00189118
_ECHO, _MODIFIER, _DIFFUSION = 0x00189114, 0x00189115, 0x00189117
_GRADIENT = 0x00189076
_MR_TYPE, _CT_TYPE, _PET_TYPE = 0x00189226, 0x00189329, 0x00189751
_VALUES, _SEGMENT, _TEMPORAL = 0x00289145, 0x0062000A, 0x00209310
_COIL, _VELOCITY, _BREATH, _MAPPING = 0x00189042, 0x00189197, 0x00209253, 0x00409096
_CT_RECONSTRUCTION, _CT_RAYS = 0x00189314, 0x00189325
#: What GE's b-value is counted modulo: 1000000000 is added in some files.
_GE_B_VALUES = 100_000

#: In the order in which they are tried: what is a part of the picture's meaning first, mere counters and clocks last.
ATTRIBUTES = (
    Attribute("StackID", 0x00209056, (_CONTENT,)),
    Attribute("ReferencedSegmentNumber", 0x0062000B, (_SEGMENT,)),
    Attribute("EchoNumbers", 0x00180086),
    Attribute("EchoTime", 0x00180081),
    Attribute("EffectiveEchoTime", 0x00189082, (_ECHO,)),
    Attribute("ImageType", 0x00080008),
    Attribute("FrameType", 0x00089007, (_MR_TYPE,)),
    Attribute("FrameType", 0x00089007, (_CT_TYPE,)),
    Attribute("FrameType", 0x00089007, (_PET_TYPE,)),
    Attribute("ComplexImageComponent", 0x00089208, (_MR_TYPE,)),
    Attribute("ComplexImageComponent (GE)", 0x0043002F, creator="GEMS_PARM_01"),
    Attribute("ReceiveCoilName", 0x00181250, (_COIL,)),
    Attribute("ReceiveCoilName (Siemens)", 0x0051000F, creator="SIEMENS MR HEADER"),
    Attribute("PhotometricInterpretation", 0x00280004),
    Attribute("RescaleType", 0x00281054, (_VALUES,)),
    Attribute("Units", 0x00541001),
    Attribute("LUTLabel", 0x00409210, (_MAPPING,)),
    Attribute("VelocityEncodingDirection", 0x00189090, (_VELOCITY,)),
    Attribute("DiffusionBValue", 0x00189087, (_DIFFUSION,)),
    Attribute("DiffusionBValue (Siemens)", 0x0019000C, creator="SIEMENS MR HEADER"),
    Attribute("DiffusionBValue (GE)", 0x00430039, creator="GEMS_PARM_01"),
    Attribute("DiffusionBValue (Philips)", 0x20010003, creator="Philips Imaging DD 001"),
    Attribute("DiffusionBValue (UIH)", 0x00650009, creator="Image Private Header"),
    Attribute("DiffusionDirectionality", 0x00189075, (_DIFFUSION,)),
    Attribute("DiffusionGradientOrientation", 0x00189089, (_DIFFUSION, _GRADIENT)),
    Attribute("DiffusionGradientOrientation (Siemens)", 0x0019000E, creator="SIEMENS MR HEADER"),
    Attribute("DiffusionGradientOrientation (GE, x)", 0x001900BB, creator="GEMS_ACQU_01"),
    Attribute("DiffusionGradientOrientation (GE, y)", 0x001900BC, creator="GEMS_ACQU_01"),
    Attribute("DiffusionGradientOrientation (GE, z)", 0x001900BD, creator="GEMS_ACQU_01"),
    Attribute("DiffusionGradientOrientation (Philips, x)", 0x200500B0, creator="Philips MR Imaging DD 001"),
    Attribute("DiffusionGradientOrientation (Philips, y)", 0x200500B1, creator="Philips MR Imaging DD 001"),
    Attribute("DiffusionGradientOrientation (Philips, z)", 0x200500B2, creator="Philips MR Imaging DD 001"),
    Attribute("DiffusionGradientOrientation (UIH)", 0x00650037, creator="Image Private Header"),
    Attribute("InversionTime", 0x00180082),
    Attribute("InversionTimes", 0x00189079, (_MODIFIER,)),
    Attribute("FlipAngle", 0x00181314, (_TIMING,)),
    Attribute("RepetitionTime", 0x00180080, (_TIMING,)),
    Attribute("KVP", 0x00180060, (_CT_RAYS,)),
    Attribute("ConvolutionKernel", 0x00181210, (_CT_RECONSTRUCTION,)),
    Attribute("SliceThickness", 0x00180050),
    Attribute("RescaleSlope", 0x00281053, (_VALUES,)),
    Attribute("RescaleIntercept", 0x00281052, (_VALUES,)),
    Attribute("TemporalPositionIdentifier", 0x00200100),
    Attribute("TemporalPositionIndex", 0x00209128, (_CONTENT,)),
    Attribute("TemporalPositionTimeOffset", 0x0020930D, (_TEMPORAL,)),
    Attribute("PhaseNumber (Philips)", 0x20010008, creator="Philips Imaging DD 001"),
    Attribute("EnergyWindowVector", 0x00540010, is_vector=True),
    Attribute("RRIntervalVector", 0x00540060, is_vector=True),
    Attribute("TimeSlotVector", 0x00540070, is_vector=True),
    Attribute("NominalCardiacTriggerDelayTime", 0x00209153, (_HEART,)),
    Attribute("NominalPercentageOfCardiacPhase", 0x00209241, (_HEART,)),
    Attribute("NominalPercentageOfRespiratoryPhase", 0x00209245, (_BREATH,)),
    Attribute("NominalRespiratoryTriggerDelayTime", 0x00209255, (_BREATH,)),
    Attribute("TriggerTime", 0x00181060),
    Attribute("FrameReferenceTime", 0x00541300),
    Attribute("ASLContext", 0x00189257, (0x00189251,)),
    Attribute("SequenceName", 0x00180024),
    Attribute("ContrastBolusAgent", 0x00180010),
    Attribute("SeriesDescription", 0x0008103E),
    Attribute("ImageComments", 0x00204000),
    Attribute("SeriesNumber", 0x00200011),
    Attribute("AcquisitionNumber", 0x00200012),
    Attribute("FrameAcquisitionNumber", 0x00209156, (_CONTENT,)),
    Attribute("DimensionIndexValues", 0x00209157, (_CONTENT,)),
    Attribute("AcquisitionDateTime", 0x0008002A),
    Attribute("FrameReferenceDateTime", 0x00189151, (_CONTENT,)),
    Attribute("AcquisitionTime", 0x00080032),
    Attribute("ContentTime", 0x00080033),
    Attribute("SOPInstanceUID", 0x00080018),
)
#: What tells volumes apart wherever their slices lie.
ALWAYS = ("StackID", "ReferencedSegmentNumber")
_INSTANCE_NUMBER = Attribute("InstanceNumber", 0x00200013)


def read_columns(slices: list[Slice], *, with_private: bool) -> Columns:
    """The attributes that are not the same in all slices.

    Parameters
    ----------
    slices : list of Slice
        Of one kind.
    with_private : bool
        Private ones, too: looking for their creators takes as long as all others.

    Raises
    ------
    DicomError
        A sequence is malformed.
    """
    files = list({id(one.opened): one.opened.file for one in slices}.values())
    groups = {id(file): FunctionalGroups(file) for file in files if file.has_functional_groups}
    columns: dict[str, list[Hashable]] = {}
    for attribute in (*ATTRIBUTES, _INSTANCE_NUMBER):
        if attribute.creator and not with_private:
            continue
        if not groups and (attribute.sequences[:1] == (_CONTENT,) or _is_equal(files, attribute)):
            continue
        readers = {id(file): _reader(file, attribute, groups.get(id(file))) for file in files}
        values = [readers[id(one.opened.file)](one.frame) for one in slices]
        if len(set(values)) > 1:
            columns.update(_named(attribute.name, values))
    return columns


def _is_equal(files: list[DicomFile], attribute: Attribute) -> bool:
    """Whether the bytes of an element are the same in all files, which is most often so and quickly told."""
    if attribute.is_vector:
        return files[0].frames == 1
    tags = [_tag_in(file, attribute) for file in files]
    raw = [None if tag is None else file.raw(tag) for file, tag in zip(files, tags, strict=True)]
    return raw.count(raw[0]) == len(raw)


def _tag_in(file: DicomFile, attribute: Attribute) -> int | None:
    """The tag of an attribute; None where no block is reserved for its creator."""
    if not attribute.creator:
        return attribute.tag
    return private_tag(file, attribute.tag >> 16, attribute.creator, attribute.tag & 0xFF)


def _reader(file: DicomFile, attribute: Attribute, groups: FunctionalGroups | None) -> Callable[[int], Hashable]:
    """What gives the value of an attribute for a frame of a file."""
    tag = _tag_in(file, attribute)
    whole = None if tag is None else _hashable(file.tag(tag))
    if attribute.is_vector and isinstance(whole, tuple):
        return partial(_nth, whole)
    if groups is None or not attribute.sequences:
        return lambda frame: whole
    return partial(_of_frame, groups, attribute, whole)


def _nth(values: tuple[Hashable, ...], frame: int) -> Hashable:
    return values[frame] if frame < len(values) else None


def _of_frame(groups: FunctionalGroups, attribute: Attribute, whole: Hashable, frame: int) -> Hashable:
    first, *inner = attribute.sequences
    for item in groups.items(frame, first):
        found: DataSet | None = item
        for sequence in inner:
            found = next(iter(found.items(sequence)), None) if found is not None and found.vr(sequence) else None
        value = None if found is None else found.tag(attribute.tag)
        if value is not None:
            return _hashable(value)
    return whole


def _hashable(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value


def _b_value_of_ge(value: Hashable) -> Hashable:
    """The first of several numbers."""
    first = value[0] if isinstance(value, tuple) else value
    return first % _GE_B_VALUES if isinstance(first, int) else first


def _named(name: str, values: list[Hashable]) -> dict[str, list[Hashable]]:
    """A column; Dimension Index Values are one for each of their numbers."""
    if name == "DiffusionBValue (GE)":
        return {name: [_b_value_of_ge(value) for value in values]}
    if name != "DimensionIndexValues":
        return {name: values}
    rows = [value if isinstance(value, tuple) else (value,) for value in values]
    width = min(len(row) for row in rows)
    numbers = {f"{name} [{i}]": [row[i] for row in rows] for i in range(width)}
    return {key: column for key, column in numbers.items() if len(set(column)) > 1}
