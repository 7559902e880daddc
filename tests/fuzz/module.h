/* What the fuzzers of Cython modules share. Each includes the C that Cython makes of its module: the functions without
 * the GIL are called directly, some 100,000 times a second. The interpreter is started once, and the module imported
 * from this program, so that its tables are filled, and the functions of other modules found. Only the included module
 * is sanitised.
 *
 * With -DPLANTED the code under test is told of one byte more than there is: whoever reads the last byte is caught.
 * build.sh makes such a program of each fuzzer, which proves that a fuzzer sees what it is for.
 */
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* The interpreter keeps what it allocates: leaks are not looked for at the end, and -rss_limit_mb sees what grows. Where
 * memory was allocated is told if ASAN_OPTIONS=malloc_context_size=30 asks for it, and freed memory is kept for as long
 * as one input takes: both cost half the speed.
 */
const char *__asan_default_options(void) {
    return "detect_leaks=0:allocator_may_return_null=1:malloc_context_size=0:quarantine_size_mb=1";
}

static void import_this(const char *name, PyObject *(*init)(void)) {
    PyImport_AppendInittab(name, init);
    setenv("PYTHONPATH", FUZZ_PATH, 1);
    Py_InitializeEx(0);
    if (!PyImport_ImportModule(name)) {
        PyErr_Print();
        abort();
    }
}

/* A copy of its own, so that the sanitizer sees a byte behind the end. */
static uint8_t *copy_of(const uint8_t *data, size_t size) {
#ifdef PLANTED
    const size_t kept = size ? size - 1 : 0;
#else
    const size_t kept = size;
#endif
    uint8_t *copy = malloc(kept ? kept : 1);
    if (!copy) abort();
    memcpy(copy, data, kept);
    return copy;
}

/* Parameters are taken from the end, so that seeds are streams with a few bytes behind them. */
typedef struct {
    const uint8_t *data;
    size_t size;
} Input;

static unsigned take(Input *in) { return in->size ? in->data[--in->size] : 0; }
