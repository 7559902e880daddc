"""Work on many files in threads, in an executor, or in processes that may be killed. `decode_batch` is the door."""

from dicomdecode.batch.decode import Batch, Decoded, decode_batch

__all__ = ["Batch", "Decoded", "decode_batch"]
