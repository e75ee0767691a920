// A small tree on disk for tests of the checkers, gone with the object.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tests/support/temporary_directory.h"

namespace fulcrum::architecture {

class MadeUpTree {
 public:
  explicit MadeUpTree(const std::map<std::string, std::string>& files) {
    for (const auto& [path, text] : files) Write(path, text);
  }

  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void Remove(const std::string& path) const { std::filesystem::remove_all(root() / path); }
  std::filesystem::path root() const { return directory_.path(); }

 private:
  testing::TemporaryDirectory directory_;
};

}  // namespace fulcrum::architecture
