/* Positioned reads of an open file, on POSIX systems and on Windows, and what tells one file from another. */
#ifndef DICOMDECODE_READ_AT_H
#define DICOMDECODE_READ_AT_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The size of an open file, its kind, and its identity. */
typedef struct {
    uint64_t size;
    uint64_t device;
    uint64_t number;
    int is_regular;
    int is_folder;
} dd_file;

#ifdef _WIN32

#include <io.h>
#include <windows.h>

static int dd_close_file(int descriptor) { return _close(descriptor); }

/* A path of bytes says too little here: what can be taken for a folder is looked at again, by Python. */
static int dd_open_file(const char *path) { return (void)path, -1; }
static int dd_is_folder(const char *path) { return (void)path, 1; }

static int dd_describe_file(int descriptor, dd_file *file) {
    struct _stat64 s;
    BY_HANDLE_FILE_INFORMATION known;
    if (_fstat64(descriptor, &s) != 0) return -1;
    file->size = (uint64_t)s.st_size;
    file->is_regular = (s.st_mode & _S_IFREG) != 0;
    file->is_folder = (s.st_mode & _S_IFDIR) != 0;
    file->device = file->number = 0;
    if (file->is_regular && GetFileInformationByHandle((HANDLE)_get_osfhandle(descriptor), &known)) {
        file->device = known.dwVolumeSerialNumber;
        file->number = (uint64_t)known.nFileIndexHigh << 32 | known.nFileIndexLow;
    }
    return 0;
}

/* At most `n` bytes from `offset`: how many were read, 0 at the end of the file, -1 with errno. */
static int64_t dd_read_once(int descriptor, void *target, size_t n, uint64_t offset) {
    OVERLAPPED where = {0};
    DWORD done = 0;
    where.Offset = (DWORD)offset;
    where.OffsetHigh = (DWORD)(offset >> 32);
    if (n > 1u << 30) n = 1u << 30;
    if (!ReadFile((HANDLE)_get_osfhandle(descriptor), target, (DWORD)n, &done, &where)) {
        if (GetLastError() == ERROR_HANDLE_EOF) return 0;
        errno = EIO;
        return -1;
    }
    return done;
}

#else

#include <fcntl.h>
#include <unistd.h>

static int dd_close_file(int descriptor) { return close(descriptor); }

/* Not a pipe that nobody writes to: opening that would wait. */
static int dd_open_file(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

/* Not where nothing is known of the path. */
static int dd_is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static int dd_describe_file(int descriptor, dd_file *file) {
    struct stat s;
    if (fstat(descriptor, &s) != 0) return -1;
    file->size = s.st_size < 0 ? 0 : (uint64_t)s.st_size;
    file->is_regular = S_ISREG(s.st_mode);
    file->is_folder = S_ISDIR(s.st_mode);
    file->device = (uint64_t)s.st_dev;
    file->number = (uint64_t)s.st_ino;
    return 0;
}

static int64_t dd_read_once(int descriptor, void *target, size_t n, uint64_t offset) {
    ssize_t done;
    if (n > (size_t)1 << 30) n = (size_t)1 << 30;
    do done = pread(descriptor, target, n, (off_t)offset);
    while (done < 0 && errno == EINTR);
    return done;
}

#endif

/* `n` bytes from `offset`, fewer where the file ends; -1 with errno. */
static int64_t dd_read_at(int descriptor, void *target, size_t n, uint64_t offset) {
    size_t done = 0;
    while (done < n) {
        int64_t more = dd_read_once(descriptor, (char *)target + done, n - done, offset + done);
        if (more < 0) return -1;
        if (more == 0) break;
        done += (size_t)more;
    }
    return (int64_t)done;
}

#endif
