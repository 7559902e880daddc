/* Functions of libraries that the process has loaded already, and what runs when this one is. */
#ifndef DICOMDECODE_LOADED_H
#define DICOMDECODE_LOADED_H

#include <stddef.h>
#include <string.h>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#define PUBLIC __declspec(dllexport)
/* Defines what is called when the library is loaded; under the loader's lock, as C++ initialisers are. */
#define WHEN_LOADED(function)                                                       \
    BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {            \
        (void)self;                                                                 \
        (void)reserved;                                                             \
        if (reason == DLL_PROCESS_ATTACH) function();                               \
        return TRUE;                                                                \
    }
/* TensorFlow's wheels for Windows export its C API from one of these. */
static const char *const LIBRARIES[] = {"_pywrap_tensorflow_common.dll", "_pywrap_tensorflow_internal.pyd"};

static void *find_loaded(const char *library, const char *name) {
    HMODULE module = GetModuleHandleA(library); /* NULL: the program itself */
    FARPROC found = module != NULL ? GetProcAddress(module, name) : NULL;
    void *address;
    memcpy(&address, &found, sizeof address);
    return address;
}
#else
#include <dlfcn.h>
#define PUBLIC __attribute__((visibility("default")))
#define WHEN_LOADED(function) \
    __attribute__((constructor)) static void when_loaded(void) { function(); }
/* The first holds ops and kernels, the second strings. */
#if defined(__APPLE__)
static const char *const LIBRARIES[] = {"@rpath/libtensorflow_framework.2.dylib", "@rpath/libtensorflow_cc.2.dylib"};
#else
static const char *const LIBRARIES[] = {"libtensorflow_framework.so.2", "libtensorflow_cc.so.2"};
#endif

static void *find_loaded(const char *library, const char *name) {
    /* NOLOAD: only what the process has loaded; the handle stays, as the library does. */
    void *handle = library != NULL ? dlopen(library, RTLD_LAZY | RTLD_NOLOAD) : RTLD_DEFAULT;
    return handle != NULL || library == NULL ? dlsym(handle, name) : NULL;
}
#endif

/* A function by its name, in those libraries and then in the whole program; NULL when there is none. */
static void *find_function(const char *name) {
    void *found = NULL;
    for (size_t i = 0; i < sizeof LIBRARIES / sizeof *LIBRARIES && found == NULL; i++)
        found = find_loaded(LIBRARIES[i], name);
    return found != NULL ? found : find_loaded(NULL, name);
}

#endif
