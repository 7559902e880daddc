"""pydicom's own reference images (tests/pixels/pixels_reference.py of its source distribution), through the plugin.

python .ci/peer_references.py FOLDER_OF_PYDICOM. A reference knows values of its image that its authors have checked.
"""

import sys
import warnings
from collections import Counter
from pathlib import Path

from pydicom.pixels import get_decoder

from dicomdecode import pydicom_plugin


def main(folder: Path) -> int:
    """Print how many references of each transfer syntax agree; returns how many do not."""
    sys.path.insert(0, str(folder))
    warnings.simplefilter("ignore")
    from tests.pixels.pixels_reference import PIXEL_REFERENCE  # type: ignore[import-not-found]

    pydicom_plugin.register()
    agreed: Counter[str] = Counter()
    wrong = []
    for uid, references in PIXEL_REFERENCE.items():
        for reference in references if pydicom_plugin.is_available(uid) else []:
            dataset = reference.ds
            if dataset is None:  # an image that could not be downloaded
                continue
            try:
                array, meta = get_decoder(uid).as_array(dataset, decoding_plugin="dicomdecode", raw=True)
                as_rgb = meta["photometric_interpretation"] == "RGB"
                # Of lossy JPEG each library has values of its own: ours are libjpeg-turbo's, as Pillow's are.
                reference.test(array, as_rgb=as_rgb, raw=not as_rgb, plugin="pillow")
                agreed[uid.name] += 1
            except AttributeError:  # it is compared with an image that could not be downloaded
                continue
            except Exception as error:
                wrong.append(f"{reference.name}: {type(error).__name__} {error}")
    for name, count in sorted(agreed.items()):
        print(f"{count:4} of {name} agree")
    print(*wrong, sep="\n")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) > 0)
