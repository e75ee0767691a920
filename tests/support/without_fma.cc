#include "tests/support/without_fma.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/str_format.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace fulcrum::testing {
namespace {

constexpr char kMark[] = "FULCRUM_TEST_WITHOUT_FMA=1";

}  // namespace

bool InRerunWithoutFma() {
  return std::getenv("FULCRUM_TEST_WITHOUT_FMA") != nullptr;
}

int RerunWithoutFma(const std::string& filter) {
  std::array<char, 4096> path{};
  if (readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0) return -1;
  std::string filter_flag = "--gtest_filter=" + filter;
  std::array<char*, 3> arguments = {path.data(), filter_flag.data(), nullptr};
  std::string mark = kMark;
  std::string tunables = kWithoutFma;
  std::vector<char*> environment = {mark.data(), tunables.data()};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const bool ours = std::strncmp(*entry, "GLIBC_TUNABLES=", 15) == 0 ||
                      std::strncmp(*entry, "GTEST_", 6) == 0;  // sharding, output files
    if (!ours) environment.push_back(*entry);
  }
  environment.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawn(&child, path.data(), nullptr, nullptr, arguments.data(), environment.data()) !=
      0) {
    return -1;
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string LibraryExpHash() {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (int i = 0; i < 200000; ++i) {
    hash = (hash ^ std::bit_cast<uint64_t>(std::exp(-20 + i * 1.7e-4))) * 0x100000001b3ULL;
  }
  return absl::StrFormat("%016x", hash);
}

}  // namespace fulcrum::testing
