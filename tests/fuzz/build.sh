#!/bin/sh
# Builds the fuzzers with clang (libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) into the folder named, with
# their first inputs beside them.
#
#   sh tests/fuzz/build.sh build/fuzz && cd build/fuzz
#   ./jpeg2000 -max_len=1500 -timeout=5 -rss_limit_mb=1024 jpeg2000_found jpeg2000_seeds
#   ./ht -max_len=2000 ht_found ht_seeds
#   ./jpegls -max_len=700 jpegls_found jpegls_seeds
#   ./jpegls -max_len=16000 jpegls_found jpegls_seeds      longer than the window of the reader
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:?a folder for what is built}
python=${PYTHON:-python3}
mkdir -p "$folder/jpegls_found" "$folder/jpegls_seeds" "$folder/jpeg2000_found" "$folder/jpeg2000_seeds" \
    "$folder/ht_found" "$folder/ht_seeds"
folder=$(cd "$folder" && pwd)
cd "$root"
sanitizers="-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"

# JPEG 2000 is plain C.
clang -std=gnu11 -g -O2 -fno-omit-frame-pointer $sanitizers -Wall -Wextra -pthread -I dicomdecode -I dicomdecode/codecs/jpeg2000 \
    tests/fuzz/jpeg2000.c dicomdecode/codecs/jpeg2000/*.c -o "$folder/jpeg2000" -lm
"$python" -P tests/fuzz/jpeg2000_seeds.py "$folder/jpeg2000_seeds"

# The block decoder of HTJ2K by itself: whole streams seldom reach it with damage that is not noticed before.
clang -std=gnu11 -g -O2 -fno-omit-frame-pointer $sanitizers -Wall -Wextra -pthread -I dicomdecode -I dicomdecode/codecs/jpeg2000 \
    tests/fuzz/ht.c dicomdecode/codecs/jpeg2000/*.c -o "$folder/ht" -lm
"$python" -P tests/fuzz/ht_seeds.py "$folder/ht_seeds"

# JPEG-LS has its marker segments in Cython. Comparisons are not traced: two thirds of the time would go there, and the
# seeds hold every marker.
"$python" -m cython -3 dicomdecode/codecs/jpegls/_jpegls.pyx -o "$folder/_jpegls.c"
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
library=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
name=$("$python" -c 'import sysconfig; print("python" + sysconfig.get_config_var("LDVERSION"))')
clang -O2 -g -Wno-unused-function $sanitizers -fno-sanitize-coverage=trace-cmp -I"$folder" -I"$include" \
    -I dicomdecode -I dicomdecode/codecs/jpegls tests/fuzz/jpegls.c -o "$folder/jpegls" \
    -L"$library" -Wl,-rpath,"$library" -l"$name"
"$python" -P tests/fuzz/jpegls_seeds.py "$folder/jpegls_seeds"
