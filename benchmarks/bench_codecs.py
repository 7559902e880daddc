"""Compressed files: bytes to stored values, beside pydicom with its plugins and the codec alone."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pydicom

import dicomdecode as dd

from . import samples


class Compressed:
    """`codec` is imagecodecs' own call on the one frame, without a file around it."""

    params = ([*samples.COMPRESSED], ["dicomdecode", "dicomdecode, 2 threads", "pydicom", "codec"])
    param_names = ("file", "by")
    timeout = 120

    def setup(self, file: str, by: str) -> None:
        self.contents, streams = samples.compressed(file)
        _, side, bits, count, _ = samples.COMPRESSED[file]
        out = np.empty((side, side, 3) if count > 1 else (side, side), np.uint8 if bits == 8 else np.uint16)
        if by == "codec":
            decode = samples.bare_decoder(file)
            self.work = lambda: decode(streams[0], out)
        elif by == "pydicom":
            self.work = self._pydicom
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    self.work()
                except Exception as error:  # it names the plugins that it lacks
                    raise NotImplementedError(str(error)) from None
        else:
            threads = 2 if "2" in by else 1
            self.work = lambda: dd.imread(self.contents, values="stored", out=out, threads=threads)

    def _pydicom(self) -> object:
        return pydicom.dcmread(io.BytesIO(self.contents)).pixel_array

    def time_decode(self, file: str, by: str) -> None:
        self.work()


class ManyFrames:
    """8 frames, side by side on two threads."""

    params = ([*samples.COMPRESSED], [1, 2])
    param_names = ("file", "threads")
    timeout = 120

    def setup(self, file: str, threads: int) -> None:
        self.contents, _ = samples.compressed(file, 512, 8)

    def time_decode(self, file: str, threads: int) -> None:
        dd.imread(self.contents, values="stored", threads=threads)
