# Plain images as tensorflow-io returned them, as one plan.
from dicomdecode._core_api cimport dd_request
from dicomdecode._header cimport ImageHeader
from dicomdecode._kernels cimport CPlan
from dicomdecode._scan cimport FileMap


cdef bint tfio_plan(const dd_request* r, const FileMap* m, const ImageHeader* h, int source, bint lossy,
                    CPlan* plan) noexcept nogil
