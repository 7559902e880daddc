"""pydicom's own reference images (tests/pixels/pixels_reference.py of its source distribution), through the plugin.

python .ci/peer_references.py FOLDER_OF_PYDICOM. A reference knows values of its image that its authors have checked.
"""

import sys
from collections.abc import Iterator
from typing import Any

from peer_tally import Outcome, tell
from pydicom.pixels import get_decoder

from dicomdecode import pydicom_plugin


def check(uid: Any, reference: Any) -> None:
    """Raise where what the plugin decodes is not what the reference knows."""
    array, meta = get_decoder(uid).as_array(reference.ds, decoding_plugin="dicomdecode", raw=True)
    as_rgb = meta["photometric_interpretation"] == "RGB"
    # Of lossy JPEG each library has values of its own: ours are libjpeg-turbo's, as Pillow's are.
    reference.test(array, as_rgb=as_rgb, raw=not as_rgb, plugin="pillow")


def outcomes(folders: list[str]) -> Iterator[Outcome]:
    sys.path.insert(0, folders[0])
    from tests.pixels.pixels_reference import PIXEL_REFERENCE  # type: ignore[import-not-found]

    pydicom_plugin.register()
    for uid, references in PIXEL_REFERENCE.items():
        for reference in references if pydicom_plugin.is_available(uid) else []:
            if reference.ds is None:  # an image that could not be downloaded
                continue
            try:
                check(uid, reference)
            except AttributeError:  # it is compared with an image that could not be downloaded
                continue
            except Exception as error:
                yield f"of {uid.name} differ", f"{reference.name}: {type(error).__name__} {error}"
            else:
                yield f"of {uid.name} agree", ""


if __name__ == "__main__":
    tell(outcomes)
