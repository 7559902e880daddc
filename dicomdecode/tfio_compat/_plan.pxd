# Plain images as tensorflow-io returned them, as one plan.
from dicomdecode.pixels._core cimport Asked
from dicomdecode.pixels._plans cimport CPlan
from dicomdecode.reading._reading cimport FileMap, ImageHeader


cdef bint tfio_plan(const Asked* asked, const FileMap* m, const ImageHeader* h, int cell, bint lossy,
                    CPlan* plan) noexcept nogil
