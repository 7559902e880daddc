# Where the bytes of a file come from: memory, a path, a file object; read by position, with and without the GIL.

cdef extern from *:
    int PyUnicode_FSConverter(object path, void* encoded) except 0

cdef extern from "read_at.h" nogil:
    ctypedef struct dd_file:
        uint64_t size
        uint64_t device
        uint64_t number
        bint is_regular
        bint is_folder
    int dd_describe_file(int descriptor, dd_file* file)
    int64_t dd_read_once(int descriptor, void* target, size_t n, uint64_t offset)
    int64_t dd_read_at(int descriptor, void* target, size_t n, uint64_t offset)
    int dd_close_file(int descriptor)
    int dd_open_file(const char* path)
    bint dd_is_folder(const char* path)


cdef int64_t read_bytes(const FileBytes* f, uint64_t offset, uint8_t* target, size_t n) noexcept nogil:
    """Copy `n` bytes from `offset` on; fewer where the file ends. -1: the source cannot be read."""
    cdef size_t front = 0
    cdef int64_t more
    if offset >= f.size:
        return 0
    if n > f.size - offset:
        n = <size_t>(f.size - offset)
    if offset < f.held:
        front = <size_t>min(<uint64_t>n, f.held - offset)
        memcpy(target, f.data + offset, front)
    if front == n or f.read == NULL:
        return <int64_t>front
    more = f.read(f.source, offset + front, target + front, n - front)
    return more if more < 0 else more + <int64_t>front


cdef int forks = 0          # of this process and its parents since the module was loaded


def _forked():
    global forks
    forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


cdef class ForkLock:
    """A lock that a forked child finds open: who held it may be a thread that the child does not have."""

    cdef object lock
    cdef int known              # forks, when the lock was made

    def __cinit__(self):
        self.lock = threading.Lock()
        self.known = forks

    def __enter__(self):
        if self.known != forks:
            self.known = forks
            self.lock = threading.Lock()
        self.lock.acquire()

    def __exit__(self, *exception):
        if self.known == forks:             # else it was the parent's
            self.lock.release()


cdef class Source:
    """The bytes of a file, by position. A source that is at rest holds no descriptor."""

    unwritten = ()      # tags of elements that the bytes lack, because nobody could write them

    cdef int describe(self, FileBytes* f) except -1:
        """Say how the bytes are read."""
        f.data = NULL
        f.held = 0
        f.size = self.size
        f.read = NULL
        f.source = NULL
        return 0

    def read_at(self, uint64_t offset, uint64_t length):
        """Bytes [offset, offset + length), fewer where the file ends."""
        cdef FileBytes f
        cdef int64_t n
        self.describe(&f)
        length = 0 if offset >= f.size else min(length, f.size - offset)
        cdef bytes target = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>length)
        cdef uint8_t* place = <uint8_t*>PyBytes_AS_STRING(target)
        with nogil:
            n = read_bytes(&f, offset, place, <size_t>length)
        if n < 0:
            self.raise_failure()
        return target if <uint64_t>n == length else target[:n]

    def prefetch(self, uint64_t offset, uint64_t length):
        """Be told that these bytes are going to be read."""

    def raise_failure(self):
        """Raise the error that a read without the GIL met."""
        raise OSError("the source cannot be read")

    def wake(self):
        """Make ready to be read, until `rest` was called as often."""

    def rest(self):
        """Let go of what is held only for reading."""

    def close(self):
        """Let nobody read it any more; who reads it now goes on."""


cdef class MemorySource(Source):
    """Bytes that are in memory; nothing is copied."""

    def __init__(self, contents):
        view = memoryview(contents)
        cdef const Py_buffer* buffer = PyMemoryView_GET_BUFFER(view)
        if not PyBuffer_IsContiguous(buffer, c'C'):
            raise TypeError("the bytes of a file must be contiguous")
        self.view = view if buffer.ndim == 1 and strcmp(buffer.format, b"B") == 0 else view.cast("B")
        self.size = <uint64_t>buffer.len

    cdef int describe(self, FileBytes* f) except -1:
        # The memoryview keeps the bytes where they are. A Py_buffer member would do so too, until the garbage collector
        # clears the object it points to before the buffer is released.
        hold_all(f, <const uint8_t*>PyMemoryView_GET_BUFFER(self.view).buf, <size_t>self.size)
        return 0

    def read_at(self, uint64_t offset, uint64_t length):
        return self.view[min(offset, self.size):min(offset, self.size) + min(length, self.size)]


cdef int64_t read_open_file(void* source, uint64_t offset, uint8_t* target, size_t n) noexcept nogil:
    cdef OpenFile* file = <OpenFile*>source
    cdef int64_t done = dd_read_at(file.descriptor, target, n, offset)
    if done < 0:
        file.error = errno
    return done


cdef int hold_front(const char* path, OpenFile* file, FileBytes* f, uint8_t* front, size_t room) noexcept nogil:
    """Open a file by its path and read its front; to be ended with `close_file`. -1 for what is no regular file with
    bytes in it, or cannot be read: Python says what it is."""
    cdef dd_file known
    cdef int64_t n
    file.error = 0
    file.descriptor = dd_open_file(path)
    if file.descriptor < 0:
        return -1
    n = dd_read_once(file.descriptor, front, room, 0)
    if n > 0:
        hold_all(f, front, <size_t>n)
        if n < <int64_t>room:           # the whole file, and a call of the system saved
            return 0
        if dd_describe_file(file.descriptor, &known) == 0 and known.is_regular and known.size >= room:
            f.size = known.size
            if known.size > room:
                f.read = read_open_file
            f.source = file
            return 0
    close_file(file)
    return -1


cdef void close_file(OpenFile* file) noexcept nogil:
    dd_close_file(file.descriptor)


cdef bytes path_of(source):
    """A path as the system has it; None for what is none, of which Python says why."""
    cdef PyObject* encoded = NULL
    if type(source) is not str and not isinstance(source, os.PathLike):
        return None
    try:
        PyUnicode_FSConverter(source, &encoded)
    except Exception:
        return None
    path = <bytes>encoded
    Py_DECREF(path)
    return path


cdef bint is_plain(const char* path, Py_ssize_t size) noexcept nogil:
    """Whether a path cannot be a pattern or a URL, nor lead through an archive: most are so."""
    cdef Py_ssize_t i
    for i in range(size):
        if path[i] in (c"*", c"?", c"[", c":"):
            return False
        if path[i] == c"." and path[i + 1] in (c"t", c"T", c"z", c"Z"):     # behind the last byte is a null
            return False
    return True


def count_plain(list sources, Py_ssize_t first):
    """How many of the sources from `first` on are paths that stand for a file and nothing else."""
    cdef Py_ssize_t count = len(sources)
    cdef Py_ssize_t end = first
    cdef Py_ssize_t i
    cdef bytes path
    cdef list paths = []            # which hold them
    cdef const char** names = <const char**>malloc(<size_t>(count - first + 1) * sizeof(char*))
    if names == NULL:
        raise MemoryError("no memory for paths")
    try:
        while end < count:
            path = path_of(sources[end])
            if path is None or not is_plain(PyBytes_AS_STRING(path), len(path)):
                break
            paths.append(path)
            names[end - first] = PyBytes_AS_STRING(path)
            end += 1
        with nogil:
            for i in range(end - first):
                if dd_is_folder(names[i]):
                    end = first + i
                    break
        return end - first
    finally:
        free(names)


cdef class PathSource(Source):
    """A file by its path. At rest it is closed; when it is needed again, it must still be the same file."""

    cdef readonly object path
    cdef OpenFile file
    cdef dd_file known
    cdef object lock                # of what changes when it is opened and closed
    cdef int users                  # who read it now: at 0 it is closed
    cdef bint closed                # for good

    def __cinit__(self):
        self.file.descriptor = -1

    def __init__(self, path):
        self.path = os.fspath(path)
        self.lock = ForkLock()
        self.open_now()
        self.users = 1
        self.size = self.known.size

    cdef int open_now(self) except -1:
        self.file.descriptor = os.open(self.path, OPEN_FLAGS)
        if dd_describe_file(self.file.descriptor, &self.known) < 0:
            self.file.error = errno
            self.shut()
            self.raise_failure()
        if self.known.is_folder:
            self.shut()
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), self.path)
        return 0

    @property
    def is_regular(self):
        """Whether it has a size and positions; a pipe and a device have none."""
        return bool(self.known.is_regular)

    def as_stream(self):
        """A file object for what has no positions; to be closed before `rest`."""
        return open(self.file.descriptor, "rb", closefd=False)

    cdef int describe(self, FileBytes* f) except -1:
        f.data = NULL
        f.held = 0
        f.size = self.size
        f.read = read_open_file
        f.source = &self.file
        return 0

    def raise_failure(self):
        raise OSError(self.file.error, os.strerror(self.file.error), self.path)

    def wake(self):
        cdef dd_file before = self.known
        with self.lock:
            if self.closed:
                raise ValueError("the image is closed")
            if self.users == 0:
                self.open_now()
                if (self.known.device != before.device or self.known.number != before.number
                        or self.known.size != before.size):
                    self.known = before
                    self.shut()
                    raise MalformedError("The file was replaced or changed its size after it was opened",
                                         code="file_changed")
            self.users += 1

    def rest(self):
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.shut()

    cdef int shut(self) noexcept:
        cdef int descriptor = self.file.descriptor
        if descriptor >= 0:
            self.file.descriptor = -1
            dd_close_file(descriptor)
        return 0

    def close(self):
        with self.lock:
            self.closed = True      # who reads it now goes on

    def __dealloc__(self):
        self.shut()


cdef int64_t read_file_object(void* source, uint64_t offset, uint8_t* target, size_t n) noexcept with gil:
    return (<FileSource>source).fill(offset, target, n)


cdef class FileSource(Source):
    """A binary file object that can seek; it stays open, and its position is restored after each read."""

    cdef object file
    cdef object lock
    cdef object failure

    def __init__(self, file):
        self.file = file
        self.lock = ForkLock()
        position = file.tell()
        file.seek(0, 2)
        size = file.tell()          # what `seek` returns is None for some
        if not 0 <= size < 1 << 62:
            raise OSError("the file object does not say where it ends")
        self.size = size
        self.is_far = hasattr(file, "prefetch")
        file.seek(position)

    def prefetch(self, uint64_t offset, uint64_t length):
        if self.is_far:
            with self.lock:
                self.file.prefetch(offset, length)

    cdef int describe(self, FileBytes* f) except -1:
        f.data = NULL
        f.held = 0
        f.size = self.size
        f.read = read_file_object
        f.source = <void*>self
        return 0

    cdef int64_t fill(self, uint64_t offset, uint8_t* target, size_t n) noexcept:
        cdef size_t done = 0
        cdef ReadBuffer got
        try:
            with self.lock:
                position = self.file.tell()
                try:
                    self.file.seek(offset)
                    while done < n:
                        part = self.file.read(n - done)
                        if not part:
                            break
                        got = ReadBuffer(part)
                        if got.size > n - done:
                            raise OSError("the file object's read returned more bytes than it was asked for")
                        memcpy(target + done, got.data, got.size)
                        done += got.size
                finally:
                    self.file.seek(position)
        except BaseException as error:
            self.failure = error
            return -1
        return <int64_t>done

    def raise_failure(self):
        failure, self.failure = self.failure, None
        raise OSError("the source cannot be read") if failure is None else failure      # another thread has raised it
