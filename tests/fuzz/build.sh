#!/bin/sh
# Builds the fuzzers with clang (libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) into the folder named.
#
#     sh tests/fuzz/build.sh build/fuzz
#     python tests/fuzz/jpeg2000_seeds.py build/fuzz/jpeg2000_seeds
#     cd build/fuzz && mkdir -p jpeg2000_corpus
#     ./fuzz_jpeg2000 -max_len=1500 -timeout=5 -rss_limit_mb=1024 jpeg2000_corpus jpeg2000_seeds
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?the folder to build into}
code=$here/../../dicomdecode/codecs/jpeg2000
mkdir -p "$out"
${CC:-clang} -std=gnu11 -g -O2 -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -Wall -Wextra -pthread -I "$code" "$here/fuzz_jpeg2000.c" "$code"/*.c -o "$out/fuzz_jpeg2000" -lm
