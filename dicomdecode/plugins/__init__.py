"""Plugins for other libraries, so that existing code reads DICOM with this package.

Each module is imported by its host, or by the user who asks for it, and needs that library; nothing imports them here.
pydicom's is `dicomdecode.pydicom_plugin`.
"""
