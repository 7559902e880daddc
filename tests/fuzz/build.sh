#!/bin/sh
# Builds the fuzzers with clang (libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) into the folder named, with
# their first inputs beside them, and of each fuzzer of a Cython module one whose code has a planted bug.
#
#   sh tests/fuzz/build.sh build/fuzz && python tests/fuzz/campaign.py build/fuzz
#
# With COVERAGE=1 nothing is sanitised and no bug planted: lines are counted instead, for tests/fuzz/coverage.py.
#
# Comparisons are not traced (trace-cmp): up to two thirds of the time would go there, and the seeds hold every marker,
# tag and word.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:?a folder for what is built}
python=${PYTHON:-python3}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$root"
sanitizers="-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -fno-sanitize-coverage=trace-cmp"
[ -z "${COVERAGE:-}" ] || sanitizers="-fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping"
codecs=dicomdecode/codecs

seeds() { # name, script and its arguments in front of the folder
    name=$1
    shift
    mkdir -p "$folder/${name}_found" "$folder/${name}_seeds"
    "$python" -P "$@" "$folder/${name}_seeds"
}

# JPEG 2000 is plain C.
clang -std=gnu11 -g -O2 -fno-omit-frame-pointer $sanitizers -Wall -Wextra -pthread -I dicomdecode \
    -I $codecs/jpeg2000 \
    tests/fuzz/jpeg2000.c $codecs/jpeg2000/*.c -o "$folder/jpeg2000" -lm
seeds jpeg2000 tests/fuzz/jpeg2000_seeds.py

# The block decoder of HTJ2K by itself: whole streams seldom reach it with damage that is not noticed before.
clang -std=gnu11 -g -O2 -fno-omit-frame-pointer $sanitizers -Wall -Wextra -pthread -I dicomdecode \
    -I $codecs/jpeg2000 \
    tests/fuzz/ht.c $codecs/jpeg2000/*.c -o "$folder/ht" -lm
seeds ht tests/fuzz/ht_seeds.py

include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
library=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
python_library=$("$python" -c 'import sysconfig; print("python" + sysconfig.get_config_var("LDVERSION"))')
path=$("$python" -P -c 'import os, dicomdecode, numpy
folders = [os.path.dirname(os.path.dirname(module.__file__)) for module in (dicomdecode, numpy)]
print(os.pathsep.join(dict.fromkeys(folders)))')

# What Cython writes for Python's arguments adds 0 to NULL.
module() { # name of the program, name of the fuzzer, .pyx, flags: a Cython module that the fuzzer includes
    program=$1 name=$2 pyx=$3
    shift 3
    generated=$folder/$(basename "$pyx" .pyx).c
    "$python" -m cython -3 "$pyx" -o "$generated"
    # What is done with large frames, and with long values, is done with small ones here.
    sed -i.before -E 's/(_core_(PART|PART_TO_8_BITS|AT_END)) = [^,]*/\1 = 64/; s/(_reading_FAR_FROM) = [^,]*/\1 = 4096/' \
        "$generated" && rm "$generated.before"
    clang -O2 -g -Wno-unused-function $sanitizers -fno-sanitize=pointer-overflow -DFUZZ_PATH="\"$path\"" \
        -I"$folder" -I"$include" -I dicomdecode "$@" \
        "tests/fuzz/$name.c" -o "$folder/$program" -L"$library" -Wl,-rpath,"$library" -l"$python_library" -lm
}

module jpegls jpegls $codecs/jpegls/_jpegls.pyx -I $codecs/jpegls
seeds jpegls tests/fuzz/jpegls_seeds.py

for target in "reading dicomdecode/reading/_reading.pyx -I dicomdecode/reading" \
    "core dicomdecode/pixels/_core.pyx" \
    "cells dicomdecode/pixels/_plans.pyx -I dicomdecode/pixels" \
    "rle $codecs/_rle.pyx -I $codecs" \
    "ljpeg $codecs/_ljpeg.pyx -I $codecs" \
    "preflight $codecs/_j2k.pyx"; do
    name=${target%% *}
    module "$name" $target
    seeds "$name" tests/fuzz/seeds.py "$name"
    [ -n "${COVERAGE:-}" ] || module "${name}_planted" $target -DPLANTED -O0
done
