#!/bin/bash
# Proves the pinned bits of the choice probabilities (tests/policy/choice_bits.h) with Clang, and
# with GCC for ARM64, run by QEMU; GCC on this machine is the unit tests' part. Only Abseil's headers
# are needed, none of which depends on the processor. Exit 1 if a bit differs. Needs the packages of
# the sets base, tools and arm64 (scripts/setup.sh). Usage: scripts/other_bits.sh
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/other_bits
rm -rf "$out"
mkdir -p "$out/include"
ln -s /usr/include/absl "$out/include/absl"

# As in cmake/FulcrumCompiler.cmake: what decides about bits is that nothing is fused.
flags=(-std=c++20 -O2 -ffp-contract=off -pthread -I. -Isrc -Iinclude -isystem "$out/include")
sources=(src/base/{check,math,random}.cc src/policy/{beta,choice,gauss,logit,normal,rate,ticks,utility}*.cc
  tests/policy/choice_bits_main.cc)

# build FOLDER COMPILER [SOURCE..]: objects of `sources` and of the named ones.
build() {
  local folder=$1 compiler=$2 source
  shift 2
  mkdir -p "$out/$folder"
  for source in "${sources[@]}" "$@"; do
    local vectors=()
    case "$folder $source" in
      arm64*) ;;
      *_avx2.cc) vectors=(-mavx2) ;;
      *_avx512.cc) vectors=(-mavx512f) ;;
    esac
    "$compiler" "${flags[@]}" "${vectors[@]}" -c "$source" \
      -o "$out/$folder/$(basename "$source" .cc).o" &
    while [ "$(jobs -r | wc -l)" -ge "$(nproc)" ]; do wait -n; done
  done
  wait  # what did not compile is missed by the linker
}

build clang clang++-16 src/base/simd.cc
read -ra abseil < <(pkg-config --libs absl_status absl_statusor absl_strings)
clang++-16 -pthread "$out"/clang/*.o "${abseil[@]}" -o "$out/clang/choice_bits"
"$out/clang/choice_bits"

build arm64 aarch64-linux-gnu-g++
aarch64-linux-gnu-g++ -static -pthread "$out"/arm64/*.o -o "$out/arm64/choice_bits"
qemu-aarch64-static "$out/arm64/choice_bits"
