# Plain images as tensorflow-io returned them, as one plan.
from dicomdecode.tfop._interface cimport dd_request
from dicomdecode.reading._header cimport ImageHeader
from dicomdecode.pixels._kernels cimport CPlan
from dicomdecode.reading._scan cimport FileMap


cdef bint tfio_plan(const dd_request* r, const FileMap* m, const ImageHeader* h, int source, bint lossy,
                    CPlan* plan) noexcept nogil
