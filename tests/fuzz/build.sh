#!/bin/sh
# Builds the fuzzers with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer from the sources around it.
#
#   sh tests/fuzz/build.sh FOLDER           builds FOLDER/jpegls, with its first inputs in FOLDER/jpegls_seeds
#   FOLDER/jpegls -max_len=700 FOLDER/jpegls_found FOLDER/jpegls_seeds
#   FOLDER/jpegls -max_len=16000 FOLDER/jpegls_found FOLDER/jpegls_seeds      longer than the window of the reader
#
# Comparisons are not traced: two thirds of the time would go there, and the seeds hold every marker.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:?a folder for what is built}
python=${PYTHON:-python3}
mkdir -p "$folder/jpegls_seeds" "$folder/jpegls_found"
folder=$(cd "$folder" && pwd)
cd "$root"
"$python" -m cython -3 dicomdecode/codecs/jpegls/_jpegls.pyx -o "$folder/_jpegls.c"
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
library=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
name=$("$python" -c 'import sysconfig; print("python" + sysconfig.get_config_var("LDVERSION"))')
clang -O2 -g -Wno-unused-function -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    -fno-sanitize-coverage=trace-cmp \
    -I"$folder" -I"$include" -I"$root/dicomdecode" -I"$root/dicomdecode/codecs/jpegls" \
    tests/fuzz/jpegls.c -o "$folder/jpegls" \
    -L"$library" -Wl,-rpath,"$library" -l"$name"
PYTHONPATH="$root" "$python" tests/fuzz/jpegls_seeds.py "$folder/jpegls_seeds"
