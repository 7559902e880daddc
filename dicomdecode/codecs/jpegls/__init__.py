"""JPEG-LS (ITU-T T.87, DICOM .4.80 and .4.81), own decoder. docs/architecture.md tells how such a stream is made."""

from dicomdecode.codecs.jpegls._jpegls import decode

__all__ = ["decode"]
