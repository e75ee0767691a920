// Reruns tests of this binary in a process whose C library may not use FMA or AVX2: pinned bits
// must hold there too. On other libraries than glibc the rerun is an ordinary one.
#pragma once

#include <string>

namespace fulcrum::testing {

// The environment variable that takes both from glibc 2.36. A wrong name in it is ignored in
// silence.
inline constexpr char kWithoutFma[] = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4";

// Exit code of the rerun; 0 if every test matching `filter` passed.
int RerunWithoutFma(const std::string& filter);

// True in the process that RerunWithoutFma started.
bool InRerunWithoutFma();

// A hash of the C library's own exp over many arguments: differs where the rerun took effect.
std::string LibraryExpHash();

}  // namespace fulcrum::testing
