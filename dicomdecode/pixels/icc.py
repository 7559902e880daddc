"""ICC profiles (PS3.3 C.11.15), applied on request by Pillow's ImageCms: RGB of a device to sRGB."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import MalformedError, UnsupportedError
from dicomdecode.limits import over_limit
from dicomdecode.reading.groups import FunctionalGroups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.reading import DataSet, DicomFile

__all__ = ["Profiles", "ToSRGB", "wrong_depth"]

_PROFILE, _OPTICAL_PATHS, _PATH_IDENTIFIER, _PATH_IDENTIFICATION = 0x00282000, 0x00480105, 0x00480106, 0x00480207
#: Bytes of a profile. Those of scanners and cameras have some 100 KiB; the standard names no limit.
_LARGEST = 1 << 24
#: Pixels that are converted at a time: Pillow keeps four bytes for each.
_AT_A_TIME = 1 << 20


class ToSRGB:
    """One profile's transform to sRGB, with the rendering intent that the profile names.

    Raises
    ------
    ImportError
        Pillow, or its ImageCms, is not installed.
    LimitError
        The profile is absurdly large.
    MalformedError
        It is no ICC profile, or a damaged one.
    UnsupportedError
        It is a profile of something else than RGB.
    """

    def __init__(self, profile: bytes) -> None:
        try:
            from PIL import Image, ImageCms
        except ImportError:
            raise ImportError("color='srgb' needs Pillow: python3 -m pip install Pillow", name="PIL") from None
        _check(profile)
        import io

        self._image, self._cms = Image, ImageCms
        self._lock = threading.Lock()  # a transform keeps a cache of its last pixels
        try:
            opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            intent = opened.profile.rendering_intent
            self._transform: Any = ImageCms.buildTransform(
                opened,
                ImageCms.createProfile("sRGB"),
                "RGB",
                "RGB",
                renderingIntent=ImageCms.Intent(intent if 0 <= intent <= 3 else 0),
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
            raise MalformedError("The ICC profile cannot be used", code="icc_profile", tag=_PROFILE) from None

    def __call__(self, samples: NDArray[Any]) -> None:
        """Convert uint8 [..., 3], C-contiguous, in place."""
        pixels = samples.reshape(-1, 3)
        for start in range(0, len(pixels), _AT_A_TIME):
            part = pixels[start : start + _AT_A_TIME]
            picture = self._image.frombytes("RGB", (len(part), 1), part.tobytes())
            with self._lock:
                self._cms.applyTransform(picture, self._transform, inPlace=True)
            part[...] = np.frombuffer(picture.tobytes(), np.uint8).reshape(-1, 3)


def _check(profile: bytes) -> None:
    """What a profile's header says (ISO 15076-1 7.2), before a library sees it."""
    if len(profile) > _LARGEST:
        raise over_limit("The ICC profile exceeds", "icc_size", _LARGEST, len(profile), tag=_PROFILE)
    size = int.from_bytes(profile[:4], "big")
    if len(profile) < 132 or profile[36:40] != b"acsp" or not 132 <= size <= len(profile):
        raise MalformedError("The ICC profile is damaged or cut", code="icc_profile", tag=_PROFILE)
    if profile[16:20] != b"RGB ":
        raise UnsupportedError("The ICC profile is not an RGB profile", code="icc_space", tag=_PROFILE)


def wrong_depth(bits: int) -> UnsupportedError:
    """The error for samples that profiles are not applied to."""
    text = f"ICC profiles are applied to samples of 8 bits, not {bits}"
    return UnsupportedError(text, code="icc_depth", hint='Ask for color="rgb"')


class Profiles:
    """The transform of each frame, made once a profile: that of the data set, else that of the frame's optical path.

    Raises
    ------
    UnsupportedError
        The file has no profile.
    """

    def __init__(self, file: DicomFile) -> None:
        self._made: dict[int, ToSRGB] = {}
        paths = file.items(_OPTICAL_PATHS) if file.vr(_OPTICAL_PATHS) else []
        self._profiles = [p for p in [file.raw(_PROFILE)] if p] or [path.raw(_PROFILE) or b"" for path in paths]
        if not any(self._profiles):
            raise UnsupportedError(
                "The file holds no ICC profile", code="icc_missing", tag=_PROFILE, hint='Ask for color="rgb"'
            )
        self._nth: Callable[[int], int] = lambda frame: 0
        if len(self._profiles) > 1:
            self._nth = _paths_of_frames(file, [str(path.tag(_PATH_IDENTIFIER)) for path in paths])

    def nth(self, frame: int) -> int:
        """Which profile a frame has: frames with the same number share one."""
        return self._nth(frame)

    def of(self, frame: int) -> ToSRGB:
        """The transform of a frame."""
        n = self._nth(frame)
        found = self._made.get(n)
        if found is None:
            if not self._profiles[n]:
                raise UnsupportedError(
                    "The optical path of this frame has no ICC profile", code="icc_missing", tag=_PROFILE, frame=frame
                )
            found = self._made[n] = ToSRGB(self._profiles[n])
        return found


def _paths_of_frames(file: DicomFile, names: list[str]) -> Callable[[int], int]:
    """The optical path of each frame, by the functional groups (PS3.3 C.8.12.6.1); the first where they do not say."""

    numbers = {name: n for n, name in reversed(list(enumerate(names)))}

    def named(group: DataSet, default: int) -> int:
        for item in group.items(_PATH_IDENTIFICATION)[:1]:
            return numbers.get(str(item.tag(_PATH_IDENTIFIER)), default)
        return default

    groups = FunctionalGroups(file)
    shared = 0 if groups.shared is None else named(groups.shared, 0)
    per_frame = groups.per_frame
    return lambda frame: named(per_frame[frame], shared) if frame < len(per_frame) else shared
