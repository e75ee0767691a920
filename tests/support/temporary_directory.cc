#include "tests/support/temporary_directory.h"

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>

#include "base/check.h"

namespace fulcrum::testing {

TemporaryDirectory::TemporaryDirectory()
    : path_((std::filesystem::temp_directory_path() / "fulcrum-test-XXXXXX").string()) {
  FULCRUM_CHECK(mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace fulcrum::testing
